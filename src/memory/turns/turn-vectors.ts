/**
 * The vectors of owners' turns: made in the background, kept in the process or in vector indexes, compared with a query within a
 * deadline. Nothing here is ever needed: without vectors words alone rank, and the recall says so.
 */
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import { waitOrAbort, type CallOptions } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { StrataError } from "../../core/errors.ts";
import type { Emit, MemoryPart } from "../../core/events.ts";
import { Guard } from "../../core/guard.ts";
import { digest, type Digest } from "../../core/key.ts";
import type { VectorIndex } from "../../vectors/vector-index.ts";
import type { OwnerMemory } from "./owner-memory.ts";
import type { Degradation } from "../recall.ts";
import type { MemoryTurn } from "./turn-order.ts";

export interface TurnVectorsOptions {
  readonly embeddings: EmbeddingsInterface;
  /** In order; each has all vectors, and the next is asked when one fails. Without any, vectors are compared in the process. */
  readonly indexes: readonly VectorIndex[];
  /** Tells vectors of different models apart. */
  readonly model: string;
  /** Of embedding a query and of all searches together, ms. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly emit: Emit;
  /** Told when a memory has grown by vectors. */
  readonly onGrown: (ownerId: string, memory: OwnerMemory) => void;
}

/** Cosines by turn, as far as there are any, and what was left out. */
export interface Compared {
  readonly cosines?: Float32Array | undefined;
  readonly degraded: readonly Degradation[];
}

/** Where the vectors of one memory go, and how far that has come. */
interface Place {
  readonly index: VectorIndex | undefined;
  /** Every turn with a lower number has been seen to. */
  upTo: number;
  /** Ids in the index, and whose they are. */
  readonly ids: Map<Digest, number>;
}

interface Filling {
  readonly places: readonly Place[];
  running: Promise<void> | undefined;
}

const BATCH = 64;
const BATCH_DEADLINE_MS = 60_000;
/** What a model reads of a text; most read less. */
const MAX_TEXT = 8_192;
/** So few are waited for: what was said a moment ago is what people ask about. */
const WORTH_WAITING = 16;
/** Asked of an index: what is beyond has no share in the score. */
const NEAREST = 200;

export class TurnVectors {
  readonly #options: TurnVectorsOptions;
  readonly #provider: Guard;
  readonly #backfill: Guard;
  readonly #guards: ReadonlyMap<VectorIndex, Guard>;
  readonly #filling = new WeakMap<OwnerMemory, Filling>();
  readonly #running = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  constructor(options: TurnVectorsOptions) {
    this.#options = options;
    const { clock, random, indexes } = options;
    this.#provider = new Guard({ name: "The provider of embeddings", clock, random });
    this.#backfill = new Guard({ name: "The provider of embeddings", clock, random, deadlineMs: BATCH_DEADLINE_MS });
    this.#guards = new Map(indexes.map((index) => [index, new Guard({ name: `The index ${index.name}`, clock, random })]));
  }

  /** Makes the vectors that are missing, in the background; one run at a time for a memory. */
  fill(ownerId: string, memory: OwnerMemory): Promise<void> {
    const filling = this.#fillingOf(memory);
    if (filling.running !== undefined) return filling.running;
    const isDone = filling.places.every(({ upTo }) => upTo === memory.order.numbers);
    if (this.#closing.signal.aborted || isDone) return Promise.resolve();
    const running = this.#fill(ownerId, memory, filling).finally(() => {
      filling.running = undefined;
      this.#running.delete(running);
    });
    filling.running = running;
    this.#running.add(running);
    return running;
  }

  /** Resolves when nothing is being made. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Never rejects but when the caller's signal aborts. */
  async compare(ownerId: string, memory: OwnerMemory, query: string, options: CallOptions): Promise<Compared> {
    const { clock, deadlineMs, indexes } = this.#options;
    const until = clock.monotonic() + deadlineMs;
    const left = (): number => Math.max(1, until - clock.monotonic());
    const filling = this.#fillingOf(memory);
    const open = missing(filling, memory);
    if (open > 0) await this.#awaitFew(ownerId, memory, open, left(), options);
    else void this.fill(ownerId, memory);
    const vector = await this.embedQuery(query, { ...options, deadlineMs: left() });
    if (vector === undefined) return { degraded: ["embeddings"] };
    const incomplete = (place: Place): Degradation[] => (place.upTo < memory.order.numbers ? ["vectors-incomplete"] : []);
    const [first] = filling.places as [Place];
    if (indexes.length === 0) return { cosines: memory.dense?.search(vector), degraded: incomplete(first) };
    for (const place of filling.places) {
      const cosines = await this.#ask(ownerId, memory, place, Float32Array.from(vector), left(), options);
      if (cosines === undefined) continue;
      return { cosines, degraded: place === first ? incomplete(place) : ["index", ...incomplete(place)] };
    }
    return { degraded: ["index"] };
  }

  /** `undefined` when there is none in time, of which is told. Never rejects but when the caller's signal aborts. */
  async embedQuery(
    query: string,
    options: CallOptions & { readonly deadlineMs: number },
  ): Promise<readonly number[] | undefined> {
    try {
      return await this.#provider.run(() => this.#options.embeddings.embedQuery(query.slice(0, MAX_TEXT)), options);
    } catch (error) {
      options.signal?.throwIfAborted();
      this.#tell("embeddings", error);
      return undefined;
    }
  }

  /** Takes everything of an owner out of the indexes; what fails there is told, and not tried again. */
  async forget(ownerId: string, options: CallOptions = {}): Promise<void> {
    const partition = this.#partition(ownerId);
    await this.#everywhere((index) => index.remove({ partition }, options), options);
  }

  /** Takes turns out that are no longer said so. */
  async remove(ownerId: string, turns: readonly MemoryTurn[], options: CallOptions = {}): Promise<void> {
    if (turns.length === 0) return;
    const filter = { partition: this.#partition(ownerId), ids: turns.map(idOf) };
    await this.#everywhere((index) => index.remove(filter, options), options);
  }

  async close(): Promise<void> {
    this.#closing.abort(new StrataError("CLOSED", "The retriever is closed."));
    await Promise.allSettled(this.#running);
  }

  async #awaitFew(ownerId: string, memory: OwnerMemory, open: number, ms: number, options: CallOptions): Promise<void> {
    const filled = this.fill(ownerId, memory);
    if (open > WORTH_WAITING) return;
    const { clock } = this.#options;
    const half = new Promise<void>((resolve) => void clock.setTimer(ms / 2, resolve, { background: true }));
    await waitOrAbort(Promise.race([filled, half]), options.signal);
  }

  async #ask(
    ownerId: string,
    memory: OwnerMemory,
    { index, ids }: Place,
    vector: Float32Array,
    deadlineMs: number,
    options: CallOptions,
  ): Promise<Float32Array | undefined> {
    if (index === undefined) return undefined;
    try {
      const matches = await this.#guardOf(index).run(
        (call) => index.search(this.#partition(ownerId), vector, { ...call, k: NEAREST }),
        {
          ...options,
          deadlineMs,
        },
      );
      const cosines = new Float32Array(memory.order.numbers).fill(Number.NaN);
      for (const { id, similarity } of matches) {
        const number = ids.get(id);
        // An index is asked about one owner, and believed only about messages that this owner has.
        if (number !== undefined && memory.order.turn(number) !== undefined) cosines[number] = similarity;
      }
      return cosines;
    } catch (error) {
      options.signal?.throwIfAborted();
      this.#tell("index", error);
      return undefined;
    }
  }

  async #fill(ownerId: string, memory: OwnerMemory, { places }: Filling): Promise<void> {
    // An index that fails is left for the next run; the others go on.
    let active = places.filter(({ index }) => index === undefined || this.#guardOf(index).state !== "open");
    for (;;) {
      const from = Math.min(...active.map(({ upTo }) => upTo));
      const { batch, to } = batchFrom(memory, from, active);
      if (active.length === 0 || to === from) return;
      let vectors: readonly (readonly number[])[];
      try {
        vectors = batch.length === 0 ? [] : await this.#embed(batch.map(({ turn }) => turn));
      } catch (error) {
        if (!this.#closing.signal.aborted) this.#tell("embeddings", error);
        return;
      }
      const due = active.filter(({ upTo }) => upTo < to);
      const stored = await Promise.all(due.map((place) => this.#store(ownerId, memory, place, batch, vectors)));
      for (const [at, place] of due.entries()) if (stored[at]) place.upTo = to;
      active = active.filter((place) => stored[due.indexOf(place)] !== false);
    }
  }

  #embed(turns: readonly MemoryTurn[]): Promise<readonly (readonly number[])[]> {
    const texts = turns.map(({ name, text }) => (name === undefined ? text : `${name}: ${text}`).slice(0, MAX_TEXT));
    const { embeddings } = this.#options;
    const made = Promise.resolve(this.#backfill.run(() => embeddings.embedDocuments(texts)));
    return waitOrAbort(made, this.#closing.signal);
  }

  async #store(
    ownerId: string,
    memory: OwnerMemory,
    { index, ids }: Place,
    batch: readonly { readonly number: number; readonly turn: MemoryTurn }[],
    vectors: readonly (readonly number[])[],
  ): Promise<boolean> {
    if (index === undefined) {
      for (const [at, { number, turn }] of batch.entries()) memory.setVector(number, turn.text, vectors[at] ?? []);
      this.#options.onGrown(ownerId, memory);
      return true;
    }
    const records = batch.flatMap(({ turn }, at) => {
      const vector = Float32Array.from(vectors[at] ?? []);
      return vector.some((value) => value !== 0) && vector.every(Number.isFinite) ? [{ id: idOf(turn), vector }] : [];
    });
    for (const { number, turn } of batch) ids.set(idOf(turn), number);
    if (records.length === 0) return true;
    try {
      await this.#guardOf(index).run((call) => index.add(this.#partition(ownerId), records, call), {
        deadlineMs: BATCH_DEADLINE_MS,
        signal: this.#closing.signal,
      });
      return true;
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#tell("index", error);
      return false;
    }
  }

  async #everywhere(work: (index: VectorIndex) => Promise<unknown>, options: CallOptions): Promise<void> {
    const { indexes, deadlineMs } = this.#options;
    await Promise.all(
      indexes.map(async (index) => {
        try {
          await this.#guardOf(index).run(() => work(index), { ...options, deadlineMs });
        } catch (error) {
          options.signal?.throwIfAborted();
          this.#tell("index", error);
        }
      }),
    );
  }

  #guardOf(index: VectorIndex): Guard {
    return this.#guards.get(index) as Guard;
  }

  #fillingOf(memory: OwnerMemory): Filling {
    const known = this.#filling.get(memory);
    if (known !== undefined) return known;
    const { indexes } = this.#options;
    const places = (indexes.length === 0 ? [undefined] : indexes).map((index) => ({ index, upTo: 0, ids: new Map() }));
    const made: Filling = { places, running: undefined };
    this.#filling.set(memory, made);
    return made;
  }

  #partition(ownerId: string): Digest {
    return digest("memory", this.#options.model, ownerId);
  }

  #tell(part: MemoryPart, error: unknown): void {
    this.#options.emit?.({ type: "memory.fault", part, code: error instanceof StrataError ? error.code : "ENGINE" });
  }
}

/** Turns that a place has not seen; of several, the place that has seen most. */
function missing({ places }: Filling, memory: OwnerMemory): number {
  return memory.order.numbers - Math.max(...places.map(({ upTo }) => upTo));
}

function batchFrom(
  memory: OwnerMemory,
  from: number,
  places: readonly Place[],
): { batch: { number: number; turn: MemoryTurn }[]; to: number } {
  const isInProcess = places.every(({ index }) => index === undefined);
  const batch: { number: number; turn: MemoryTurn }[] = [];
  let to = from;
  for (; to < memory.order.numbers && batch.length < BATCH; to++) {
    const turn = memory.order.turn(to);
    if (turn === undefined || turn.text === "" || (isInProcess && memory.dense?.has(to))) continue;
    batch.push({ number: to, turn });
  }
  return { batch, to };
}

/** Another text is another vector, under another id. */
function idOf({ id, text }: MemoryTurn): Digest {
  return digest("turn", id, text);
}
