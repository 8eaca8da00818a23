/**
 * Meaning for owners whose turns do not fit into memory: their vectors lie in the history's own tables, made in the background, one
 * owner at a time, and are compared there. Nothing here is ever needed: without it words alone rank, and the recall says so.
 */
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import { waitOrAbort, type CallOptions } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { StrataError } from "../../core/errors.ts";
import type { Emit } from "../../core/events.ts";
import { Guard } from "../../core/guard.ts";
import { placeOf, type OwnerMemory } from "./owner-memory.ts";
import type { TimeWindow } from "../time/time-window.ts";
import type { TurnSource } from "./turn-source.ts";
import type { Compared } from "./turn-vectors.ts";

export interface StoredVectorsOptions {
  readonly source: TurnSource;
  readonly embeddings: EmbeddingsInterface;
  readonly model: string;
  /** Of embedding a query and comparing it, together, ms. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly emit: Emit;
  /** `undefined` when there is none in time, of which was told. */
  readonly embedQuery: (query: string, options: CallOptions & { deadlineMs: number }) => Promise<readonly number[] | undefined>;
}

export interface StoredCompare extends CallOptions {
  readonly ownerId: string;
  readonly position: string;
  readonly query: string;
  readonly sessionId: string | undefined;
  readonly window: TimeWindow | undefined;
}

interface Filling {
  /** The position that all vectors were made at, at the least. */
  done: string | undefined;
  running: Promise<void> | undefined;
  triedAt: number;
}

const NEAREST = 200;
const NEAREST_IN_SESSION = 50;
/** A look for missing vectors passes over all of an owner's turns. */
const PAUSE_MS = 10_000;
/** Owners whose state is kept; of another one it is looked up once more. */
const MOST_OWNERS = 10_000;

export class StoredVectors {
  readonly #options: StoredVectorsOptions;
  readonly #guard: Guard;
  readonly #fillings = new Map<string, Filling>();
  readonly #closing = new AbortController();
  /** One owner after the other: a model has the time of one. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: StoredVectorsOptions) {
    this.#options = options;
    this.#guard = new Guard({ name: "The search of stored vectors", clock: options.clock, random: options.random });
  }

  /** Adds what is near to the memory of one recall, and compares. Never rejects but when the caller's signal aborts. */
  async compare(memory: OwnerMemory, request: StoredCompare): Promise<Compared> {
    const { source, model, clock, deadlineMs } = this.#options;
    if (source.nearest === undefined) return { degraded: [] };
    const { ownerId, position, query, sessionId, window, signal } = request;
    const until = clock.monotonic() + deadlineMs;
    const left = (): number => Math.max(1, until - clock.monotonic());
    const isComplete = this.#fill(ownerId, position);
    const vector = await this.#options.embedQuery(query, { signal, deadlineMs: left() });
    if (vector === undefined) return { degraded: ["embeddings"] };
    const { from, to } = window?.isHard ? window : {};
    const search = { ownerId, model, vector, from, to, signal };
    try {
      const near = await this.#guard.run(
        () =>
          Promise.all([
            source.nearest?.({ ...search, limit: NEAREST }),
            sessionId === undefined ? [] : source.nearest?.({ ...search, sessionId, limit: NEAREST_IN_SESSION }),
          ]),
        { signal, deadlineMs: left() },
      );
      const turns = near.flatMap((list) => list ?? []);
      for (const turn of turns) memory.put(turn);
      const cosines = new Float32Array(memory.order.numbers).fill(Number.NaN);
      for (const turn of turns) {
        const number = memory.order.numberOf(placeOf(turn));
        if (number !== undefined && turn.similarity !== undefined) cosines[number] = turn.similarity;
      }
      return { cosines, degraded: isComplete ? [] : ["vectors-incomplete"] };
    } catch (error) {
      signal?.throwIfAborted();
      this.#tell("index", error);
      return { degraded: ["index"] };
    }
  }

  /** Resolves when nothing is being made. */
  async settled(): Promise<void> {
    for (let last: Promise<void> | undefined; last !== this.#last;) {
      last = this.#last;
      await last;
    }
  }

  /** Makes the vectors that are missing, in the background, and resolves then. */
  async fill(ownerId: string, position: string): Promise<void> {
    if (!this.#fill(ownerId, position)) await this.#fillings.get(ownerId)?.running;
  }

  async close(): Promise<void> {
    this.#closing.abort(new StrataError("CLOSED", "The retriever is closed."));
    await this.settled();
  }

  /** @returns whether nothing is missing */
  #fill(ownerId: string, position: string): boolean {
    const { clock } = this.#options;
    const filling = this.#fillings.get(ownerId) ?? { done: undefined, running: undefined, triedAt: -Infinity };
    // The one used last is last.
    this.#fillings.delete(ownerId);
    this.#fillings.set(ownerId, filling);
    if (this.#fillings.size > MOST_OWNERS) this.#fillings.delete(this.#fillings.keys().next().value as string);
    if (filling.done === position) return true;
    const isDue = clock.monotonic() - filling.triedAt >= PAUSE_MS;
    if (filling.running === undefined && isDue && this.#options.source.embed !== undefined && !this.#closing.signal.aborted) {
      filling.triedAt = clock.monotonic();
      const running = this.#last.then(() => this.#make(ownerId, position, filling));
      filling.running = running;
      this.#last = running;
    }
    return false;
  }

  async #make(ownerId: string, position: string, filling: Filling): Promise<void> {
    const { source, embeddings, model } = this.#options;
    const { signal } = this.#closing;
    try {
      signal.throwIfAborted();
      await waitOrAbort(Promise.resolve(source.embed?.({ ownerId, embeddings, model, signal })), signal);
      filling.done = position;
    } catch (error) {
      if (!signal.aborted) this.#tell("embeddings", error);
    } finally {
      filling.running = undefined;
    }
  }

  #tell(part: "embeddings" | "index", error: unknown): void {
    this.#options.emit?.({ type: "memory.fault", part, code: error instanceof StrataError ? error.code : "ENGINE" });
  }
}
