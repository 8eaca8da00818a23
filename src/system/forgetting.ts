/**
 * Forgetting somebody everywhere: cached answers, documents, conversations and what memory made of them.
 *
 * Who it is, is one scope: an owner is its user. So `{ ownerId: "1" }`, `{ scope: { user: "1" } }` and both together mean the same person,
 * `{ ownerId: "1", scope: { tenant: "acme" } }` that person within the tenant alone, and `{ scope: { tenant: "acme" } }` the whole tenant.
 * What lies within the scope goes too. It is noted before anything is removed; a place that fails holds up no other.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ForgetReceipt, TieredCache } from "../cache/tiered-cache.ts";
import type { Clock } from "../core/clock.ts";
import type { CallOptions } from "../core/abort.ts";
import { StrataConfigError } from "../core/errors.ts";
import { scopeDigest, type Scope } from "../core/scope.ts";
import { acceptOwner } from "../history/accept.ts";
import type { ConversationStore, HistoryForgetReceipt } from "../history/conversation-store.ts";
import { isScopedOwner, scopedOwner, scopeOfOwner } from "../history/scoped-owner.ts";
import { joinLogs, systemForgettingLog, type ForgettingLog } from "../maintenance/backup/forgetting-log.ts";
import type { AdaptiveMemoryRetriever } from "../memory/memory-retriever.ts";
import type { DocumentStore } from "../rag/document-store.ts";
import { callLimit } from "./chat/call-limit.ts";
import { openSection } from "./config/section.ts";

/** Who is to be forgotten; of both parts, who is within both. */
export interface ForgetWho {
  /** As in `chat()`; the same person as `scope.user`. Also a name of `scopedOwner()`, as the dashboard lists them. */
  readonly ownerId?: string | undefined;
  readonly scope?: Scope | undefined;
}

export interface ForgetOptions extends CallOptions {
  /** Where it is noted too, beside `forgotten.log` of the data folder. */
  readonly forgotten?: ForgettingLog | undefined;
}

/** What was removed, by place; a place that could not do it is missing, and is in `failed`. */
export interface SystemForgetReceipt {
  /** When, ISO 8601. */
  readonly at: string;
  /** By tier, the index of meanings included. */
  readonly cache?: ForgetReceipt;
  readonly documents?: number;
  /** With summaries, vectors, queues and the log of recalls, of so many owners. */
  readonly conversations?: Omit<HistoryForgetReceipt, "at"> & { readonly owners: number };
  /** Places that failed, with the reason: what they hold is not, or not all, removed. */
  readonly failed: Readonly<Record<string, string>>;
  /** Whether every place did it. When not, do it again once the place is back. */
  readonly complete: boolean;
}

export interface ForgettingOptions {
  readonly cache: TieredCache;
  readonly documents: DocumentStore;
  readonly conversations: ConversationStore;
  readonly memory: AdaptiveMemoryRetriever;
  /** Where PGlite is, when conversations are there alone; opening it only to find nothing would take seconds. */
  readonly embedded: string | undefined;
  /** The data folder. */
  readonly data: string;
  readonly clock: Clock;
}

/** For what is on its way in Redis to be written. */
const DRAIN_MS = 60_000;

export class Forgetting {
  readonly #options: ForgettingOptions;

  constructor(options: ForgettingOptions) {
    this.#options = options;
  }

  async forget(who: ForgetWho, { forgotten, signal }: ForgetOptions = {}): Promise<SystemForgetReceipt> {
    const { cache, documents, data, clock } = this.#options;
    const scope = scopeOf(who);
    signal?.throwIfAborted();
    const failed: Record<string, string> = {};
    const attempt = async <T>(place: string, act: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await act();
      } catch (error) {
        signal?.throwIfAborted();
        failed[place] ??= error instanceof Error ? error.message : String(error);
        return undefined;
      }
    };

    const own = systemForgettingLog(data, clock);
    const log = forgotten === undefined ? own : joinLogs([own, forgotten]);
    const named = scope.user === undefined ? [] : [scopedOwner(scope.user, scope)];
    // The one who was named is noted even when the conversations cannot be asked for others.
    await log.add({ scope, ownerId: named[0] });
    const found = await attempt("conversations", () => this.#found(scope, signal));
    const owners = [...new Set([...named, ...(found ?? [])])];
    for (const ownerId of owners.filter((name) => !named.includes(name))) await log.add({ ownerId });

    const removed = await attempt("cache", () => cache.forget(scope));
    const texts = await attempt("documents", () => documents.forget(scope));
    const talks = this.#hasConversations()
      ? await attempt("conversations", () => this.#conversations(owners, signal))
      : { owners: 0, ...NOTHING };
    return {
      at: new Date(clock.now()).toISOString(),
      ...(removed !== undefined && { cache: removed }),
      ...(texts !== undefined && { documents: texts }),
      ...(talks !== undefined && { conversations: talks }),
      failed: { ...removed?.failed, ...failed },
      complete: removed?.complete === true && Object.keys(failed).length === 0,
    };
  }

  #hasConversations(): boolean {
    const { embedded } = this.#options;
    return embedded === undefined || existsSync(join(embedded, "PG_VERSION"));
  }

  async #found(scope: Scope, signal: AbortSignal | undefined): Promise<readonly string[]> {
    if (!this.#hasConversations()) return [];
    const { conversations, clock } = this.#options;
    const limit = callLimit(clock, DRAIN_MS, [signal]);
    try {
      return await conversations.scopedOwners(scope, { signal: limit.signal });
    } finally {
      limit.end();
    }
  }

  async #conversations(
    owners: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<NonNullable<SystemForgetReceipt["conversations"]>> {
    const { conversations, memory } = this.#options;
    const sum = { ...NOTHING };
    for (const ownerId of owners) {
      const { at: _at, ...receipt } = await conversations.forget({ ownerId, signal });
      // What it keeps itself goes after the messages, from which it would be made anew.
      await memory.forget({ ownerId, signal });
      for (const name of PARTS) sum[name] += receipt[name];
    }
    return { owners: owners.length, ...sum };
  }
}

const PARTS = ["messages", "conversations", "summaries", "deadLetters"] as const;
const NOTHING = { messages: 0, conversations: 0, summaries: 0, deadLetters: 0 };

/** @throws {@link StrataConfigError} naming the option */
function scopeOf(who: ForgetWho): Scope {
  openSection("forget", who, ["ownerId", "scope"]);
  const { ownerId, scope } = who;
  if (ownerId === undefined && scope === undefined)
    throw new StrataConfigError("forget", who, "an `ownerId`, a `scope`, or both");
  if (scope !== undefined) scopeDigest(scope);
  if (ownerId !== undefined && (typeof ownerId !== "string" || ownerId === "")) {
    throw new StrataConfigError("forget.ownerId", ownerId, "a text that is not empty");
  }
  const named: Scope = ownerId === undefined ? {} : scopeOfOwner(ownerId);
  for (const part of ["tenant", "feature", "user"] as const) {
    if (scope?.[part] !== undefined && named[part] !== undefined && scope[part] !== named[part]) {
      throw new StrataConfigError(`forget.scope.${part}`, scope[part], "what `ownerId` says, or nothing");
    }
  }
  const whole = { ...scope, ...named };
  scopeDigest(whole);
  if (whole.user !== undefined) {
    if (isScopedOwner(whole.user)) throw new StrataConfigError("forget.scope.user", whole.user, "the owner's own name");
    acceptOwner(scopedOwner(whole.user, whole));
  }
  return whole;
}
