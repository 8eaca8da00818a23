/**
 * `WriteBehind` against a model: random puts, ends of writes, failures and withdrawals in any order. The model is the list of
 * values that were accepted and are neither written, given up nor withdrawn.
 */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { StrataError } from "../../../src/core/errors.ts";
import { WriteBehind } from "../../../src/core/write-behind.ts";
import { seeded } from "./seeded.ts";
import { Engine, turn, type Item } from "./write-behind-engine.ts";

const MAX_BYTES = 60;
const MAX_BATCH = 3;

const key = fc.constantFrom("a", "b", "c", "d", "e");
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("put" as const), key, size: fc.integer({ min: 0, max: 25 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("finish" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("fail" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("turn" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("withdraw" as const), keys: fc.uniqueArray(key, { minLength: 1 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

class Bench {
  readonly #engine = new Engine();
  readonly #queue: WriteBehind<Item>;
  /** The newest accepted value of each key that waits. */
  readonly #waiting = new Map<string, Item>();
  #writing: readonly Item[] = [];
  #version = 0;
  /** Withdrawals that have begun, with the versions that they must keep from being written after they end. */
  readonly #withdrawals: Promise<void>[] = [];

  constructor() {
    this.#queue = new WriteBehind<Item>({
      write: (batch) => {
        for (const item of batch) {
          // What is written is what the model says waits: nothing lost, nothing stale, nothing that was withdrawn.
          expect(this.#waiting.get(item.key)).toBe(item);
          this.#waiting.delete(item.key);
        }
        expect(batch.length).toBeLessThanOrEqual(MAX_BATCH);
        expect(this.#writing).toEqual([]);
        this.#writing = batch;
        return this.#engine.write(batch).finally(() => (this.#writing = []));
      },
      sizeOf: ({ size }) => size,
      maxBytes: MAX_BYTES,
      maxBatch: MAX_BATCH,
      onError: (error, batch) => this.#engine.givenUp.push({ error, batch }),
    });
  }

  async run(each: Step): Promise<void> {
    if (each.kind === "put") this.#put(each.key, each.size);
    else if (each.kind === "withdraw") this.#withdraw(each.keys);
    else if (each.kind === "turn") await turn();
    else if (this.#writing.length > 0) await this.#engine.finish(each.kind === "fail" ? new Error("down") : undefined);
    this.check();
  }

  /** Ends everything, and checks that nothing is left. */
  async end(): Promise<void> {
    const drained = this.#queue.drain();
    for (let left = 0; left < 100 && this.#queue.size > 0; left++) await this.#engine.finish();
    await drained;
    await Promise.all(this.#withdrawals);
    expect([this.#queue.size, this.#queue.bytes, this.#waiting.size, this.#writing.length]).toEqual([0, 0, 0, 0]);
    for (const { error } of this.#engine.givenUp) expect(error).toEqual(new Error("down"));
  }

  check(): void {
    const held = [...this.#waiting.values(), ...this.#writing];
    expect(this.#queue.size).toBe(held.length);
    expect(this.#queue.bytes).toBe(held.reduce((sum, { size }) => sum + size, 0));
    expect(this.#queue.bytes).toBeLessThanOrEqual(MAX_BYTES);
    for (const name of ["a", "b", "c", "d", "e"]) {
      expect(this.#queue.get(name)).toBe(this.#waiting.get(name) ?? this.#writing.find((item) => item.key === name));
    }
  }

  #put(name: string, size: number): void {
    const item = { key: name, version: ++this.#version, size };
    const after = this.#queue.bytes + size - (this.#waiting.get(name)?.size ?? 0);
    try {
      this.#queue.put(name, item);
      expect(after).toBeLessThanOrEqual(MAX_BYTES);
      this.#waiting.set(name, item);
    } catch (error) {
      if (!StrataError.isInstance(error) || error.code !== "QUEUE_FULL") throw error;
      expect(after).toBeGreaterThan(MAX_BYTES);
    }
  }

  #withdraw(names: readonly string[]): void {
    const waiting = names.filter((name) => this.#waiting.delete(name)).length;
    const underWay = this.#writing.filter((item) => names.includes(item.key));
    const withdrawal = this.#queue.withdraw((_item, name) => names.includes(name));
    this.#withdrawals.push(
      withdrawal.then((count) => {
        expect(count).toBe(waiting);
        // None that it waited for is still on its way: a deletion from here on is final.
        for (const item of underWay) expect(this.#writing).not.toContain(item);
      }),
    );
  }
}

it("accounts for every byte and every value, in any order of puts, writes, failures and withdrawals", async () => {
  const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
    const bench = new Bench();
    for (const each of steps) await bench.run(each);
    await bench.end();
  });
  await fc.assert(property, seeded(400));
});
