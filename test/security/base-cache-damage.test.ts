/** Bytes that a disk, a wire or a restored backup has changed are a miss that is counted: never an exception, never another answer. */
import { describe, expect, test } from "vitest";
import { seal } from "../../src/core/envelope.ts";
import { GLOBAL_SCOPE } from "../../src/core/scope.ts";
import type { TierEntry } from "../../src/cache/tier.ts";
import { cacheBed, type CacheBed } from "../support/cache-bed.ts";
import { scriptedTier, type ScriptedTier } from "../support/scripted-tier.ts";
import { seededRandom } from "../support/seeded-random.ts";

interface DamageBed extends CacheBed {
  readonly tier: ScriptedTier;
  readonly entry: TierEntry;
  /** Puts bytes in the place of the stored entry's, looks up, and expects a miss that was counted. */
  readonly expectRefused: (value: Uint8Array) => Promise<void>;
}

/** One stored answer, and the means to damage it. */
async function damageBed(text: string, compression: "none" | "best"): Promise<DamageBed> {
  const tier = scriptedTier({ name: "tier", compression });
  const bed = cacheBed({ tiers: [tier] });
  await bed.store("prompt", text);
  await bed.cache.flush();
  const entry = [...tier.held.values()][0] as TierEntry;
  let refused = 0;
  return {
    ...bed,
    tier,
    entry,
    async expectRefused(value) {
      tier.held.set(entry.key, { ...entry, value });
      expect(await bed.lookup("prompt")).toBeUndefined();
      expect(bed.cache.stats().rejected).toBe(++refused);
      expect(bed.cache.stats()).toMatchObject({ hits: 0, misses: refused });
      expect(tier.held.size).toBe(0);
    },
  };
}

describe.each([
  ["as they are", "none" as const, "The answer is 42."],
  ["compressed", "best" as const, "The answer is 42. ".repeat(20)],
])("stored bytes %s", (_name, compression, text) => {
  test("with one bit flipped, at every offset", async () => {
    const { entry, expectRefused, cache } = await damageBed(text, compression);
    for (let offset = 0; offset < entry.value.byteLength; offset++) {
      for (const bit of [0, 3, 7]) {
        const value = Uint8Array.from(entry.value);
        value[offset] = (value[offset] ?? 0) ^ (1 << bit);
        await expectRefused(value);
      }
    }
    await cache.close();
  });

  test("cut off at every length", async () => {
    const { entry, expectRefused, cache } = await damageBed(text, compression);
    for (let length = 0; length < entry.value.byteLength; length++) await expectRefused(entry.value.slice(0, length));
    await cache.close();
  });

  test("with bytes added, doubled, emptied or overwritten at random", async () => {
    const { entry, expectRefused, cache } = await damageBed(text, compression);
    const { value } = entry;
    const random = seededRandom(7);
    await expectRefused(Buffer.concat([value, Buffer.from([0])]));
    await expectRefused(Buffer.concat([value, value]));
    await expectRefused(Buffer.alloc(value.byteLength));
    for (let round = 0; round < 300; round++) {
      const damaged = Uint8Array.from(value);
      const from = Math.floor(random() * damaged.length);
      const until = from + 1 + Math.floor(random() * 64);
      damaged.forEach((byte, at) => (damaged[at] = at >= from && at < until ? byte ^ (1 + Math.floor(random() * 255)) : byte));
      await expectRefused(damaged);
    }
    for (const length of [1, 75, 76, 77, 4_096, 65_536]) {
      await expectRefused(Uint8Array.from({ length }, () => Math.floor(random() * 256)));
    }
    await cache.close();
  });
});

test("an undamaged entry in the same bed is a hit", async () => {
  const { lookup, cache, entry } = await damageBed("The answer is 42.", "none");
  expect(entry.value.byteLength).toBeGreaterThan(76);
  expect(await lookup("prompt")).toBe("The answer is 42.");
  expect(cache.stats()).toMatchObject({ rejected: 0 });
  await cache.close();
});

describe("whole envelopes with a payload that is no answer", () => {
  const payloads: [string, string][] = [
    ["nothing", ""],
    ["no JSON", "{"],
    ["another kind of value", '"text"'],
    ["an empty list", "[]"],
    ["null", "[null]"],
    ["a generation without text and message", "[{}]"],
    ["a text that is none", '[{"text":1}]'],
    ["a message without content", '[{"message":{}}]'],
    ["a message whose content is none", '[{"message":{"content":{},"response_metadata":{"strata":null}}}]'],
    ["tool calls that are no list", '[{"message":{"content":"a","tool_calls":{},"response_metadata":{"strata":null}}}]'],
    ["an id that is no text", '[{"message":{"content":"a","id":1,"response_metadata":{"strata":null}}}]'],
    ["a constructor to be loaded", '[{"lc":1,"type":"constructor","id":["langchain_core","messages","AIMessage"],"kwargs":{}}]'],
  ];
  test.each(payloads)("%s", async (_name, payload) => {
    const { clock, expectRefused, entry, cache } = await damageBed("The answer is 42.", "none");
    const bytes = Buffer.from(payload);
    const scope = GLOBAL_SCOPE;
    const common = { key: entry.key, scope, tags: [], cost: 1, codec: 0, expiresAt: undefined, createdAt: clock.now() };
    await expectRefused(seal({ ...common, rawLength: bytes.byteLength, payload: bytes }));
    await cache.close();
  });

  test("keys that would reach the prototype of all objects reach none", async () => {
    const { clock, entry, lookup, cache, tier } = await damageBed("The answer is 42.", "none");
    const message =
      '{"content":"a","additional_kwargs":{"__proto__":{"polluted":1},"a":{"__proto__":{"polluted":1}}},"response_metadata":{"strata":null}}';
    const payload = Buffer.from(`[{"text":"a","message":${message}}]`);
    const common = { key: entry.key, scope: GLOBAL_SCOPE, tags: [], cost: 1, codec: 0, expiresAt: undefined };
    tier.held.set(entry.key, {
      ...entry,
      value: seal({ ...common, createdAt: clock.now(), rawLength: payload.byteLength, payload }),
    });
    await lookup("prompt");
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    await cache.close();
  });
});
