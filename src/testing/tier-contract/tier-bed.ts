/** Where the contract's tests get their tiers from: fresh, attached to a host that writes down what it is told, closed at the end. */
import { randomUUID } from "node:crypto";
import { expect, onTestFinished } from "vitest";
import type { MaybePromise } from "../../core/abort.ts";
import { manualClock, systemClock, type Clock } from "../../core/clock.ts";
import { digest, type Digest } from "../../core/key.ts";
import type { CacheTier, TierEntry } from "../../cache/tier.ts";

/** What a tier is made from. */
export interface TierContext {
  /** The clock of the test. A tier gets it through `attach` too, and takes its time from there. */
  readonly clock: Clock;
  /**
   * Names a store, with letters, digits and hyphens: a folder, a key prefix, a table. The suite asks for the same place again to
   * open what was closed there (`persistent`) or to open it a second time (`shared`); different places must never meet.
   */
  readonly place: string;
}

/** Builds a tier. A place that was not named before must be empty. */
export type MakeTier = (context: TierContext) => MaybePromise<CacheTier>;

/** What a tier can do beyond the minimum. */
export interface TierCapabilities {
  /**
   * Whose time ends an entry: the clock of the host (`"manual"`, the default), or the engine's own (`"real"`, as in Redis), so
   * that the tests wait for it.
   */
  readonly timing?: "manual" | "real";
  /** Whether entries outlive `close()`; default `false`. */
  readonly persistent?: boolean;
  /** Whether a place can be open more than once at a time; default `false`. */
  readonly shared?: boolean;
}

/** A tier under test, and what its host was told. */
export interface Subject {
  readonly tier: CacheTier;
  readonly place: string;
  /** What the tier said that it dropped for space, oldest first. */
  readonly evicted: readonly TierEntry[];
}

export interface TierBed {
  readonly capabilities: Required<TierCapabilities>;
  /** Opens a tier for the running test; it is closed when the test ends. @param place default a new, empty one */
  open(place?: string): Promise<Subject>;
  /** The clock of the running test. */
  readonly clock: Clock;
  /** A life, in ms: long enough for a test to look at an entry before it ends. */
  readonly life: number;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
}

/** What the engine's own clock may differ from ours, in a test that waits for it. */
const REAL_SLACK_MS = 60;

export function tierBed(make: MakeTier, capabilities: TierCapabilities): TierBed {
  const { timing = "manual", persistent = false, shared = false } = capabilities;
  const manual = manualClock();
  const clock = timing === "manual" ? manual : systemClock;
  return {
    capabilities: { timing, persistent, shared },
    clock,
    life: timing === "manual" ? 60_000 : 1_200,
    async open(place = `place-${randomUUID()}`) {
      const tier = await make({ clock, place });
      const evicted: TierEntry[] = [];
      const faults: unknown[] = [];
      tier.attach?.({
        clock,
        random: Math.random,
        evicted: (entries) => void evicted.push(...entries),
        fault: (operation, error) => void faults.push({ operation, error }),
      });
      onTestFinished(async () => {
        await tier.close();
        expect(faults, "faults that the tier told its host of").toEqual([]);
      });
      return { tier, place, evicted };
    },
    pass: (ms) => (timing === "manual" ? manual.advance(ms) : wait(ms + REAL_SLACK_MS)),
  };
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => void systemClock.setTimer(ms, resolve));
}

export function keyOf(name: string | number): Digest {
  return digest("tier contract", String(name));
}

/** An entry whose key and bytes come from its name. */
export function entryOf(name: string | number, rest: Partial<TierEntry> = {}): TierEntry {
  return { key: keyOf(name), value: Buffer.from(`value of ${name}`), ...rest };
}

/** The bytes under each key, as text that a failed test shows; `undefined` for the keys that are not there. */
export async function textsOf(tier: CacheTier, names: ReadonlyArray<string | number>): Promise<Array<string | undefined>> {
  const entries = await tier.get(names.map(keyOf));
  return entries.map((entry) => entry && Buffer.from(entry.value).toString());
}

export async function listed(tier: CacheTier): Promise<TierEntry[]> {
  const all: TierEntry[] = [];
  for await (const entry of tier.entries()) all.push(entry);
  return all;
}

export async function listedKeys(tier: CacheTier): Promise<Digest[]> {
  return (await listed(tier)).map(({ key }) => key).toSorted();
}

export function keysOf(...names: ReadonlyArray<string | number>): Digest[] {
  return names.map(keyOf).toSorted();
}
