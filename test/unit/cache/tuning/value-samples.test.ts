import { expect, test } from "vitest";
import { systemClock } from "../../../../src/core/clock.ts";
import { createCompression } from "../../../../src/cache/compression.ts";
import { ValueSamples } from "../../../../src/cache/tuning/value-samples.ts";

const ANSWER = Buffer.from(JSON.stringify("Liquidity is how fast something is sold without moving its price. ".repeat(20)));

test("values are packed in earnest, a few of an epoch, and what is left of them is said once enough were", async () => {
  const compression = createCompression({ algorithm: "auto" });
  const samples = new ValueSamples(systemClock, () => compression);
  expect([samples.isKnown, samples.ratio("fast"), samples.msPerValue("best")]).toEqual([false, 1, 0]);
  for (let epoch = 0; epoch < 4; epoch++) {
    for (let value = 0; value < 10; value++) samples.measure(ANSWER);
    samples.nextEpoch();
  }
  // Four of each epoch, with both efforts.
  await expect.poll(() => compression.stats().values).toBe(32);
  expect(samples.isKnown).toBe(true);
  expect(samples.ratio("none")).toBe(1);
  expect(samples.ratio("fast")).toBeCloseTo(
    (await compression.compress(ANSWER, { effort: "fast" })).bytes.byteLength / ANSWER.byteLength,
  );
  expect(samples.msPerValue("best")).toBeGreaterThan(0);
});

test("what is too large to be packed quickly is not measured", () => {
  const compression = createCompression({ algorithm: "auto" });
  const samples = new ValueSamples(systemClock, () => compression);
  samples.measure(Buffer.alloc(300 * 1024));
  expect(compression.stats().values).toBe(0);
});
