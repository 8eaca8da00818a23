/**
 * The semantic step: what comes between the exact tiers and the model. Asked after an exact miss, and told of every answer that is
 * stored; everything it does, it does in the scope, model and context of the call.
 */
import { LRUCache } from "lru-cache";
import { StrataConfigError } from "../../core/errors.ts";
import { Guard } from "../../core/guard.ts";
import type { Digest } from "../../core/key.ts";
import type { CacheRequest, MadeAnswer } from "../request-cache.ts";
import { scopeMark } from "../tags.ts";
import { readAsk } from "./ask.ts";
import { clusterQuestions, type Cluster, type ClusterOptions } from "./clusters.ts";
import { takeFeedback, type Verdict } from "./feedback.ts";
import { Learning } from "./learning.ts";
import { Lookup, type Looked } from "./lookup.ts";
import type { FoundAnswer } from "./match.ts";
import { staticPolicy, type StaticPolicyOptions } from "./policies/static.ts";
import type { Selection } from "./questions.ts";
import { RecentHits } from "./recent-hits.ts";
import { SemanticParts, type SemanticPartsOptions } from "./semantic-parts.ts";
import type { SemanticStats } from "./semantic-stats.ts";
import { explain, type SimilarEntry, type SimilarOptions } from "./similar.ts";
import type { SemanticExtra } from "./turn.ts";

/** Lookups whose answer is awaited; each with a vector. */
const MAX_AWAITED = 1_000;
const CLOSE_DEADLINE_MS = 10_000;

export class SemanticStep {
  readonly extras: ReadonlySet<SemanticExtra>;
  readonly #parts: SemanticParts;
  readonly #lookup: Lookup;
  readonly #learning: Learning;
  readonly #hits = new RecentHits();
  /** By the key of the request: a `BaseCache` is asked and told in two calls. */
  readonly #awaited = new LRUCache<Digest, Looked>({ max: MAX_AWAITED });
  readonly #remembering = new Set<Promise<void>>();

  constructor(options: SemanticPartsOptions) {
    this.extras = options.semantic.extras;
    this.#parts = new SemanticParts(options);
    this.#lookup = new Lookup(this.#parts);
    this.#learning = new Learning(this.#parts);
  }

  /** @param mayServe whether the cache's own rollout lets this call be served. Never rejects. */
  async find(request: CacheRequest, mayServe: boolean): Promise<FoundAnswer | undefined> {
    const { clock, emit, semantic } = this.#parts.options;
    const { counters, memory } = this.#parts;
    const startedAt = clock.monotonic();
    try {
      await memory.ready();
      const ask = readAsk(request, this.#parts.embedder.identity, semantic);
      if (typeof ask === "string") {
        counters.skipped(ask);
        emit?.({ type: "semantic.lookup", outcome: "missed", reason: ask, ms: 0, key: request.key.slice(0, 12) });
        return undefined;
      }
      const { looked, found } = await this.#lookup.run(ask, mayServe && semantic.rollout(request));
      const ms = clock.monotonic() - startedAt;
      counters.steps.record(ms - looked.modelMs);
      this.#tell(looked, ms);
      if (found === undefined) this.#awaited.set(request.key, looked);
      return found;
    } catch (error) {
      this.#parts.fault("step", error);
      counters.lookup("missed", "step-failed");
      return undefined;
    }
  }

  /** An answer is being stored: its question may be matched from now on. Nobody waits for that. */
  remember(request: CacheRequest, made: MadeAnswer, expiresAt: number | undefined): void {
    const { questions, embedder, options } = this.#parts;
    const { epoch } = questions;
    const looked = this.#awaited.get(request.key);
    this.#awaited.delete(request.key);
    const work = async (): Promise<void> => {
      const ask = looked?.ask ?? readAsk(request, embedder.identity, options.semantic);
      if (typeof ask !== "string") await this.#learning.remember(ask, looked, made, expiresAt, epoch);
    };
    const done: Promise<void> = work()
      .catch((error: unknown) => this.#parts.fault("step", error))
      .finally(() => this.#remembering.delete(done));
    this.#remembering.add(done);
  }

  /**
   * Notes a hit, so that it can be spoken of.
   * @param number of its id
   */
  noteHit(number: number, request: CacheRequest, found: FoundAnswer): void {
    const { match, cost, value } = found;
    const { key, scope } = request;
    if (match === undefined) {
      this.#hits.note(number, key, scope, cost, value.tokens);
      return;
    }
    const answer = match.candidates[match.candidate]?.entryId ?? "";
    this.#hits.note(number, answer, scope, cost, value.tokens);
    this.#hits.noteMatch(number, { scope, answer, match, within: request.within(), tags: request.tags });
  }

  /** Runs a removal from the store, and removes what belongs to it here. */
  async removing<T>(
    selection: Selection,
    remove: () => Promise<T>,
  ): Promise<{ readonly result: T; readonly vectors: number; readonly failure: string | undefined }> {
    this.#awaited.clear();
    const { scope: removed, matches } = selection;
    this.#hits.forget(({ scope, within = [], tags = [] }) => {
      const scopes = [scope, ...within];
      if (removed !== undefined && !scopes.includes(removed)) return false;
      return matches === undefined || matches([...tags, ...scopes.map(scopeMark)]);
    });
    return this.#parts.questions.removing(selection, remove);
  }

  feedback(hitId: string, verdict: Verdict): Promise<void> {
    return takeFeedback(this.#parts, this.#hits, hitId, verdict);
  }

  similar(prompt: string, scope: Digest, options: SimilarOptions): Promise<SimilarEntry[]> {
    return explain(this.#parts, prompt, scope, options);
  }

  clusters(scope: Digest | undefined, options: ClusterOptions): Promise<Cluster[]> {
    return clusterQuestions(this.#parts, this.#hits, scope, options);
  }

  /**
   * Checks other thresholds; the function that it gives sets them.
   * @throws {@link StrataConfigError} when they are none, or the policy has no thresholds
   */
  prepare(similarity: number | StaticPolicyOptions): () => void {
    if (this.#parts.policy.name !== "static") {
      throw new StrataConfigError("configure.similarity", similarity, `nothing, for the policy "${this.#parts.policy.name}"`);
    }
    const policy = staticPolicy(typeof similarity === "number" ? { similarity } : similarity);
    return () => (this.#parts.policy = policy);
  }

  stats(): SemanticStats {
    return this.#parts.counters.snapshot(this.#parts.questions);
  }

  /** Resolves when what was accepted is written. */
  async flush(): Promise<void> {
    while (this.#remembering.size > 0) await Promise.all(this.#remembering);
    await this.#parts.questions.flush();
    await this.#parts.memory.save();
  }

  /** Before the store is closed, into which it writes what is left. No judge and no engine may keep a process from ending. */
  async close(): Promise<void> {
    const { clock, random } = this.#parts.options;
    for (const work of [() => this.flush(), () => this.#parts.questions.close()]) {
      const guard = new Guard({ name: "The semantic step", clock, random, deadlineMs: CLOSE_DEADLINE_MS });
      await Promise.resolve(guard.run(work)).catch((error: unknown) => this.#parts.fault("step", error));
    }
  }

  #tell(looked: Looked, ms: number): void {
    const { outcome, reason, decision, candidates, ask } = looked;
    this.#parts.counters.lookup(outcome, reason);
    const candidate = candidates[decision?.candidate ?? 0];
    this.#parts.options.emit?.({
      ...{ type: "semantic.lookup", outcome, reason, ms, key: ask.key.slice(0, 12) },
      ...(candidate !== undefined && { similarity: candidate.similarity }),
      ...(decision?.confidence !== undefined && { confidence: decision.confidence }),
      ...(decision?.veto !== undefined && { veto: decision.veto }),
    });
  }
}
