import { describe, expect, test } from "vitest";
import type { CacheTier, TierEntry } from "../../../src/cache/tier.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { manualClock, type ManualClock } from "../../../src/core/clock.ts";
import { digest } from "../../../src/core/key.ts";
import { chaos, corrupt, delay, describeTier, fail, hang, ok, type ChaosScript } from "../../../src/testing/index.ts";

const KEY = digest("chaos");
const ENTRY: TierEntry = { key: KEY, value: Buffer.from("bytes"), decoded: "bytes" };

async function wrapped(script: ChaosScript): Promise<{ tier: ReturnType<typeof chaos>; right: CacheTier; clock: ManualClock }> {
  const right = memoryTier();
  const tier = chaos(right, script);
  const clock = manualClock();
  tier.attach?.({ clock, random: () => 0, evicted: () => undefined, fault: () => undefined });
  await right.set([ENTRY]);
  return { tier, right, clock };
}

async function textOf(tier: CacheTier): Promise<string | undefined> {
  const [entry] = await tier.get([KEY]);
  return entry && Buffer.from(entry.value).toString();
}

describeTier("chaos with an empty script", () => chaos(memoryTier(), {}));

describe("a script", () => {
  test("is played call by call, and then over", async () => {
    const { tier } = await wrapped({ get: [fail("ECONNRESET"), ok, fail()] });
    await expect(textOf(tier)).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(await textOf(tier)).toBe("bytes");
    await expect(textOf(tier)).rejects.toMatchObject({ code: "EIO" });
    for (let call = 0; call < 5; call++) expect(await textOf(tier)).toBe("bytes");
    expect(tier.calls).toEqual({ get: 8, set: 0, delete: 0, clear: 0, entries: 0, close: 0 });
  });

  test("has a line for each operation", async () => {
    const failure = new Error("As written.");
    const steps = [fail(failure)];
    const { tier, right } = await wrapped({ set: steps, delete: steps, clear: steps, entries: steps, close: steps });
    await expect(tier.set([{ ...ENTRY, value: Buffer.from("newer") }])).rejects.toBe(failure);
    await expect(tier.delete([KEY])).rejects.toBe(failure);
    await expect(tier.clear()).rejects.toBe(failure);
    await expect(tier.entries()[Symbol.asyncIterator]().next()).rejects.toBe(failure);
    await expect(tier.close()).rejects.toBe(failure);
    expect(await textOf(right)).toBe("bytes");
    expect(await tier.clear()).toBe(1);
  });

  test("leaves a tier that answers at once as quick as it is", async () => {
    const { tier } = await wrapped({ get: [ok] });
    expect(Array.isArray(tier.get([KEY]))).toBe(true);
    expect(Array.isArray(tier.get([KEY]))).toBe(true);
  });
});

describe("a step", () => {
  test("hang never ends, not even by its signal", async () => {
    const { tier } = await wrapped({ get: [hang()] });
    const controller = new AbortController();
    const late = Promise.resolve(tier.get([KEY], { signal: controller.signal }));
    controller.abort();
    const pause = new Promise((resolve) => setTimeout(() => resolve("still waiting"), 20));
    expect(await Promise.race([late, pause])).toBe("still waiting");
  });

  test("delay waits by the clock of the host, and ends with its signal", async () => {
    const { tier, clock } = await wrapped({ get: [delay(200), delay(200)] });
    let answered = false;
    const answer = textOf(tier).finally(() => (answered = true));
    await clock.advance(199);
    expect(answered).toBe(false);
    await clock.advance(1);
    expect(await answer).toBe("bytes");
    const controller = new AbortController();
    const aborted = tier.get([KEY], { signal: controller.signal });
    const reason = new Error("The caller left.");
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
  });

  test("corrupt flips one bit on the way out, in a copy that says nothing of what it decodes to", async () => {
    const { tier, right } = await wrapped({ get: [corrupt(), corrupt(0), corrupt(8 * 5 + 1)], entries: [corrupt(7)] });
    for (const [byte, bit] of [
      [2, 4],
      [0, 0],
      [0, 1],
    ] as const) {
      const [entry] = await tier.get([KEY]);
      const expected = Buffer.from("bytes");
      expected[byte] = (expected[byte] ?? 0) ^ (1 << bit);
      expect(Buffer.from(entry?.value ?? []).equals(expected)).toBe(true);
      expect(entry?.decoded).toBeUndefined();
    }
    for await (const { value } of tier.entries()) expect(value[0]).toBe("b".charCodeAt(0) ^ 0x80);
    expect(await textOf(right)).toBe("bytes");
  });

  test("corrupt flips one bit on the way in", async () => {
    const { tier, right } = await wrapped({ set: [corrupt(0)] });
    await tier.set([{ ...ENTRY, value: Buffer.from("bytes") }]);
    expect(await textOf(right)).toBe("cytes");
    await tier.set([{ ...ENTRY, value: Buffer.from("bytes") }]);
    expect(await textOf(right)).toBe("bytes");
  });
});
