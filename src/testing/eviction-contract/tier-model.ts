import * as fc from "fast-check";
import { expect } from "vitest";
import type { Eviction } from "../../cache/eviction.ts";

type Step =
  | { readonly act: "use"; readonly key: string; readonly size: number; readonly cost: number }
  | { readonly act: "set"; readonly key: string; readonly size: number; readonly cost: number }
  | { readonly act: "remove"; readonly key: string }
  | { readonly act: "evict" }
  | { readonly act: "resize"; readonly capacity: number }
  | { readonly act: "clear" };

const KEY = fc.integer({ min: 0, max: 60 }).map((index) => `key-${index}`);
const ENTRY = { key: KEY, size: fc.integer({ min: 1, max: 30 }), cost: fc.integer({ min: 0, max: 1_000 }) };
/** Something that happens to a tier. */
export const TIER_STEP: fc.Arbitrary<Step> = fc.oneof(
  { weight: 40, arbitrary: fc.record({ act: fc.constant("use" as const), ...ENTRY }) },
  { weight: 10, arbitrary: fc.record({ act: fc.constant("set" as const), ...ENTRY }) },
  { weight: 5, arbitrary: fc.record({ act: fc.constant("remove" as const), key: KEY }) },
  { weight: 5, arbitrary: fc.record({ act: fc.constant("evict" as const) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant("resize" as const), capacity: fc.integer({ min: 1, max: 400 }) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("clear" as const) }) },
);

/** A tier with a byte limit and nothing in it, next to the policy, to compare with after every step. */
export class TierModel {
  readonly #policy: Eviction;
  readonly #sizes = new Map<string, number>();
  #capacity = 100;

  constructor(policy: Eviction) {
    this.#policy = policy;
    policy.resize(this.#capacity);
  }

  take(step: Step): void {
    if (step.act === "use" && this.#sizes.has(step.key)) this.#policy.hit(step.key);
    else if (step.act === "use" || step.act === "set") this.#admit(step.key, step.size, step.cost);
    else if (step.act === "remove") this.#remove(step.key);
    else if (step.act === "evict") this.#evict();
    else if (step.act === "resize") this.#resize(step.capacity);
    else this.#clear();
    while (this.#bytes() > this.#capacity) this.#evict();
    expect([this.#policy.entries, this.#policy.bytes]).toEqual([this.#sizes.size, this.#bytes()]);
  }

  drain(): void {
    while (this.#sizes.size > 0) this.#evict();
    expect(this.#policy.evict()).toBeUndefined();
  }

  #admit(key: string, size: number, cost: number): void {
    this.#policy.admit(key, size, cost);
    this.#sizes.set(key, size);
  }

  #remove(key: string): void {
    this.#policy.remove(key);
    this.#sizes.delete(key);
  }

  #evict(): void {
    const key = this.#policy.evict();
    if (this.#sizes.size === 0) expect(key).toBeUndefined();
    else expect([...this.#sizes.keys()]).toContain(key);
    this.#sizes.delete(key ?? "");
  }

  #resize(capacity: number): void {
    this.#capacity = capacity;
    this.#policy.resize(capacity);
  }

  #clear(): void {
    this.#policy.clear();
    this.#sizes.clear();
  }

  #bytes(): number {
    let sum = 0;
    for (const size of this.#sizes.values()) sum += size;
    return sum;
  }
}
