/**
 * Whose memory a call reads: what the call names, else the constructor, else the runnable's configuration. Fails closed: without an owner
 * nothing is read, and what the constructor names, a configuration cannot change.
 */
import { StrataConfigError } from "../core/errors.ts";
import { parseId } from "./retriever-options.ts";
import { RECALL_STRATEGIES } from "./strategies/strategies.ts";
import type { Strategy } from "./strategy.ts";

/** As it came, of any type. */
export interface Whose {
  readonly ownerId?: unknown;
  readonly sessionId?: unknown;
}

export interface RecallScope {
  /** @throws {@link StrataConfigError} without an owner */
  owner(called: Whose, configured?: Whose): string;
  session(called: Whose, configured?: Whose): string | undefined;
}

export function recallScope(constructed: {
  readonly ownerId: string | undefined;
  readonly sessionId: string | undefined;
}): RecallScope {
  return {
    owner(called, configured) {
      if (called.ownerId !== undefined) return parseId("ownerId", called.ownerId, 1);
      if (constructed.ownerId !== undefined) return constructed.ownerId;
      if (configured?.ownerId !== undefined) return parseId("configurable.user_id", configured.ownerId, 1);
      const accepted = "whose memory: given with the call, the constructor, or configurable.user_id";
      throw new StrataConfigError("ownerId", undefined, accepted);
    },
    session(called, configured) {
      if (called.sessionId !== undefined) return parseId("sessionId", called.sessionId, 1);
      if (constructed.sessionId !== undefined) return constructed.sessionId;
      return configured?.sessionId === undefined ? undefined : parseId("configurable.thread_id", configured.sessionId, 1);
    },
  };
}

/** @throws {@link StrataConfigError} for a strategy that means nothing outside a session */
export function requireSession(strategy: "auto" | Strategy, sessionId: string | undefined): void {
  if (strategy === "auto" || sessionId !== undefined || !RECALL_STRATEGIES[strategy].needsSession) return;
  throw new StrataConfigError("sessionId", undefined, `the session in which \`${strategy}\` looks`);
}
