/** The user's last turn beside an answer, for people who look at what is stored: only where the cache was told to keep prompts. */
import type { CacheRequest } from "./request-cache.ts";
import type { StoredAnswer } from "./response-codec.ts";
import type { SemanticExtra } from "./semantic/turn.ts";

/** Where prompts are only stored, every turn is read. */
export const EVERY_TURN: ReadonlySet<SemanticExtra> = new Set<SemanticExtra>(["tool-results", "structured-output", "tool-calls"]);

export function withPrompt(answer: StoredAnswer, { turn }: CacheRequest): StoredAnswer {
  const asked = turn?.();
  const [first, ...others] = answer;
  if (first === undefined || asked === undefined || typeof asked === "string") return answer;
  return [{ ...first, asked: asked.text }, ...others];
}

/** Kept beside the caches and not on them: it is no part of their public interface. */
const cachesWithPrompts = new WeakSet<object>();

/** A cache that stores prompts makes itself known: what remembers questions may then do so too. */
export function offerPrompts(cache: object): void {
  cachesWithPrompts.add(cache);
}

/** Whether something is a cache of this copy of the package that was made to store prompts. */
export function keepsPrompts(cache: unknown): boolean {
  return typeof cache === "object" && cache !== null && cachesWithPrompts.has(cache);
}
