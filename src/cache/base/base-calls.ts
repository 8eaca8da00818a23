/**
 * Calls as LangChain's models make them of a `BaseCache`: a `lookup`, and after a miss, when the model has answered, an `update`.
 * Between the two nobody says that they belong together; the coalescer ties them, so that identical calls wait for the first.
 */
import type { Generation } from "@langchain/core/outputs";
import { isPromise, type MaybePromise } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import type { Digest } from "../../core/key.ts";
import type { AnswerCache } from "../answer-cache.ts";
import { Coalescer } from "./coalescer.ts";
import type { CacheRequest } from "../request-cache.ts";
import { encodeAnswer, prepareReplay, type Replay } from "../response-codec.ts";
import type { Found } from "../tiered-store.ts";

export interface BaseCallsOptions {
  readonly answers: AnswerCache;
  readonly clock: Clock;
  /** How long callers wait for each other; 0 = not at all. */
  readonly maxWaitMs: number;
}

export class BaseCalls {
  readonly #answers: AnswerCache;
  readonly #coalescer: Coalescer<Found<Replay>>;

  constructor({ answers, clock, maxWaitMs }: BaseCallsOptions) {
    this.#answers = answers;
    this.#coalescer = new Coalescer({ clock, maxWaitMs });
  }

  /** The answer for this caller, or `null` for the one who is to ask the model. */
  lookup(request: CacheRequest, start: number): MaybePromise<Generation[] | null> {
    if (request.refresh) return this.#refresh(request);
    if (this.#answers.servesStale) return this.#lookupStale(request, start);
    if (this.#coalescer.isUnderWay(request.key) && this.#answers.mayServe(request)) return this.#await(request, start);
    const found = this.#answers.findOrLead(request, this.#coalescer.patience(request.model));
    if (found === undefined || isPromise(found)) return this.#lead(found, request, start);
    return this.#hit(found, request, start);
  }

  /** Takes what the model answered, and wakes who waits for it. */
  update(request: CacheRequest, generations: Generation[]): Promise<void> {
    let shared: Found<Replay> | undefined;
    try {
      const answer = encodeAnswer(generations);
      const value = prepareReplay(answer);
      if (this.#answers.admits({ answer, generations })) shared = { value, tier: "coalesced", expiresAt: undefined, cost: 0 };
      const ms = this.#land(request, shared);
      const usualMs = this.#coalescer.last(request.model);
      if (shared !== undefined) return this.#answers.store(request, { answer, value, generations, ms, usualMs });
      this.#answers.giveUp(request);
      this.#answers.bypass("not-admitted");
      return Promise.resolve();
    } catch (error) {
      this.#answers.giveUp(request);
      // Whoever waits for an answer that cannot be taken apart must not wait any longer.
      this.#land(request, undefined);
      throw error;
    }
  }

  /** Lets nobody wait any longer. */
  close(): void {
    this.#coalescer.close();
  }

  /** Opens a flight, which others who ask for the same join. */
  async #lead(
    reading: Promise<Found<Replay> | undefined> | undefined,
    request: CacheRequest,
    start: number,
  ): Promise<Generation[] | null> {
    this.#coalescer.lead(request.key, request.model);
    const found = (await reading) ?? (await this.#findElsewhere(request, start));
    if (found !== undefined) return this.#landed(found, request, start);
    // One turn of the event loop before the leader learns of its miss: whoever asks in it is provably another caller. Also after
    // a read that took time, which may have been no more than a promise. A turn is no time: it is not the clock's to give.
    if (this.#answers.coalesces) await new Promise((resolve) => setImmediate(resolve));
    this.#coalescer.missed(request.key);
    return this.#miss(request, start);
  }

  /** Waits for the caller who leads; when nothing comes, another process may have stored it meanwhile. */
  async #await(request: CacheRequest, start: number): Promise<Generation[] | null> {
    const { key, model } = request;
    const flight = this.#coalescer.join(key, model);
    const awaited = await flight;
    if (awaited !== undefined) return this.#hit(awaited, request, start);
    const found = await this.#answers.find(request);
    if (found !== undefined) return this.#landed(found, request, start);
    if (flight !== undefined) this.#coalescer.lead(key, model);
    this.#coalescer.missed(key);
    return this.#miss(request, start);
  }

  #findElsewhere(request: CacheRequest, start: number): Promise<Found<Replay> | undefined> {
    return this.#answers.findElsewhere(request, start, this.#coalescer.patience(request.model));
  }

  #landed(found: Found<Replay>, request: CacheRequest, start: number): Generation[] {
    this.#coalescer.landed(request.key, found, "tier");
    return this.#hit(found, request, start);
  }

  /** With stale answers the tiers are asked first: while one caller refreshes, the others are served and need not wait. */
  async #lookupStale(request: CacheRequest, start: number): Promise<Generation[] | null> {
    const found = await this.#answers.find(request);
    if (found !== undefined) return this.#hit(found, request, start);
    const { key } = request;
    const waits = this.#coalescer.isUnderWay(key) && this.#answers.mayServe(request) && !this.#answers.isToRefresh(request);
    return waits ? this.#await(request, start) : this.#lead(undefined, request, start);
  }

  /** Sends a caller to the model, in a flight of its own that nobody joins: the others are served what there is. */
  #refresh({ key, model }: CacheRequest): null {
    this.#coalescer.lead(refreshOf(key), model);
    return null;
  }

  #hit(found: Found<Replay>, request: CacheRequest, start: number): Generation[] {
    return found.value.build(this.#answers.hit(request, found, start));
  }

  #miss(request: CacheRequest, start: number): null {
    this.#answers.miss(request, start);
    return null;
  }

  /** Ends the flight that an answer ends; gives how long the model took, if anybody saw it begin. */
  #land({ key, refresh }: CacheRequest, shared: Found<Replay> | undefined): number | undefined {
    if (!refresh) return this.#coalescer.landed(key, shared, "model");
    if (shared !== undefined) this.#coalescer.landed(key, shared, "tier");
    return this.#coalescer.landed(refreshOf(key), undefined, "model");
  }
}

function refreshOf(key: Digest): string {
  return `refresh ${key}`;
}
