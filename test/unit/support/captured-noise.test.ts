import { expect, it } from "vitest";
import { capturedNoise } from "../../support/captured-noise.ts";

it("hears what is printed, written and warned of", async () => {
  const noise = capturedNoise();
  expect(noise).toEqual([]);
  console.warn("one", 1);
  process.stderr.write("two\n");
  process.emitWarning("three");
  await new Promise((resolve) => setImmediate(resolve));
  expect(noise).toEqual(["one 1", "two\n", expect.stringContaining("Warning: three")]);
});
