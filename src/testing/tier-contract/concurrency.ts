/**
 * Many calls at once against a model, a plain map. A run is a list of rounds; the calls of one round are all made before any is
 * awaited. In a round each key is written by one call at most, since nothing says which of two concurrent writes comes last; reads
 * of it may see the state before the round or after it, and nothing else. Between rounds tier and model must agree.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CacheTier } from "../../cache/tier.ts";
import { entryOf, keyOf, listed, type TierBed } from "./tier-bed.ts";

const KEYS = 12;
const NEVER = Infinity;

type Write =
  | { readonly kind: "keep" }
  | { readonly kind: "delete" }
  | { readonly kind: "set"; readonly value: string; readonly lives: number | undefined };

interface Round {
  /** What happens to each key. */
  readonly writes: readonly Write[];
  /** How the written keys are cut into calls. */
  readonly batch: number;
  readonly reads: ReadonlyArray<readonly number[]>;
  /** How much time passes after the round, in lives. */
  readonly passes: number;
}

interface Known {
  readonly text: string;
  readonly expiresAt: number;
}

const write: fc.Arbitrary<Write> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Write>({ kind: "keep" }) },
  { weight: 1, arbitrary: fc.constant<Write>({ kind: "delete" }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("set" as const),
      value: fc.string({ maxLength: 40 }),
      lives: fc.constantFrom(undefined, undefined, 0, 1, 2),
    }),
  },
);

const rounds: fc.Arbitrary<readonly Round[]> = fc.array(
  fc.record({
    writes: fc.array(write, { minLength: KEYS, maxLength: KEYS }),
    batch: fc.integer({ min: 1, max: KEYS }),
    reads: fc.array(fc.array(fc.nat(KEYS - 1), { maxLength: 5 }), { maxLength: 4 }),
    passes: fc.constantFrom(0, 0, 1),
  }),
  { minLength: 1, maxLength: 8 },
);

export function concurrencyContract(bed: TierBed): void {
  // An engine with a clock of its own would have to be waited for; its lives are left to the tests of lives.
  const timed = bed.capabilities.timing === "manual";

  describe("concurrency", () => {
    test("agrees with a map, whatever is set, read and deleted at the same time", async () => {
      const { tier } = await bed.open();
      await fc.assert(
        fc
          .asyncProperty(rounds, async (script) => {
            const model = new Map<number, Known>();
            for (const round of script) await play(tier, model, round);
          })
          .afterEach(() => Promise.resolve(tier.clear()).then(() => undefined)),
        { numRuns: 40 },
      );
    });
  });

  async function play(tier: CacheTier, model: Map<number, Known>, round: Round): Promise<void> {
    const before = new Map(model);
    const sets = [];
    const deletes: number[] = [];
    for (const [name, change] of round.writes.entries()) {
      if (change.kind === "delete") {
        deletes.push(name);
        model.delete(name);
      }
      if (change.kind === "set") {
        const expiresAt = change.lives === undefined || !timed ? undefined : bed.clock.now() + change.lives * bed.life;
        sets.push(entryOf(name, { value: Buffer.from(change.value), expiresAt }));
        model.set(name, { text: change.value, expiresAt: expiresAt ?? NEVER });
      }
    }
    const writing: unknown[] = [];
    for (let from = 0; from < sets.length; from += round.batch) writing.push(tier.set(sets.slice(from, from + round.batch)));
    const reading = round.reads.map(async (names) => ({ names, entries: await tier.get(names.map(keyOf)) }));
    const deleting = tier.delete(deletes.map(keyOf));
    await Promise.all(writing);
    expect(await deleting).toBe(deletes.filter((name) => visible(before, name) !== undefined).length);
    for (const { names, entries } of await Promise.all(reading)) {
      for (const [index, name] of names.entries()) {
        expect([visible(before, name), visible(model, name)]).toContain(text(entries[index]));
      }
    }
    if (timed && round.passes > 0) await bed.pass(round.passes * bed.life);
    const all = Array.from({ length: KEYS }, (_, name) => name);
    const now = (await tier.get(all.map(keyOf))).map(text);
    expect(now).toEqual(all.map((name) => visible(model, name)));
    const seen = (await listed(tier)).map((entry) => `${entry.key} ${text(entry)}`);
    expect(seen.toSorted()).toEqual(all.flatMap((name) => describeVisible(model, name)).toSorted());
  }

  function visible(model: ReadonlyMap<number, Known>, name: number): string | undefined {
    const known = model.get(name);
    return known === undefined || known.expiresAt <= bed.clock.now() ? undefined : known.text;
  }

  function describeVisible(model: ReadonlyMap<number, Known>, name: number): string[] {
    const known = visible(model, name);
    return known === undefined ? [] : [`${keyOf(name)} ${known}`];
  }
}

function text(entry: { readonly value: Uint8Array } | undefined): string | undefined {
  return entry && Buffer.from(entry.value).toString();
}
