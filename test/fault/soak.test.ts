/** The short form of `npm run soak`: the same load and the same faults, for seconds; what leaks with every request is found in that. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { judge, PROMISED, type SoakSample } from "../support/soak/soak-samples.ts";

test("nothing grows, and nobody gets an error, while the servers of a whole system fail", { timeout: 240_000 }, async () => {
  const words = ["--expose-gc", "--import", "tsx", "benchmarks/load/soak.ts", "--minutes", "0.3", "--coarse", "--json"];
  const { stdout } = await promisify(execFile)(process.execPath, words, { maxBuffer: 1024 ** 2 }).catch(
    (error: { readonly stdout?: string; readonly stderr?: string }) => ({ stdout: error.stdout || String(error.stderr) }),
  );
  const report = JSON.parse(stdout) as { broken: string[]; failures: string[]; requests: number; samples: SoakSample[] };
  expect(report).toMatchObject({ broken: [], failures: [] });
  expect(report.requests).toBeGreaterThan(300);
  expect(report.samples.length).toBeGreaterThanOrEqual(3);
});

describe("the verdict of a soak", () => {
  const sample = (minute: number, heap: number, handles = 20, errors = 0): SoakSample => ({
    ...{ minute, heap, handles, errors, rss: 0, external: 0, arrayBuffers: 0, descriptors: handles + 10 },
    ...{ delayP99: 0, delayMax: 0, requests: 100 },
  });
  const samples = (heapAt: (minute: number) => number, handlesAt: (minute: number) => number = () => 20): SoakSample[] =>
    Array.from({ length: 30 }, (_, minute) => sample(minute, heapAt(minute), handlesAt(minute)));

  test("is that all is well where the heap goes up and down", () => {
    const { heapSlope, broken } = judge(
      samples(
        (minute) => 50 + (minute % 2),
        (minute) => 20 + (minute % 3),
      ),
      6,
      PROMISED,
    );
    expect(broken).toEqual([]);
    expect(Math.abs(heapSlope)).toBeLessThan(0.1);
  });

  test("names a heap that grows by a megabyte in ten minutes, which is what it takes for the slope", () => {
    const { heapSlope, broken } = judge(
      samples((minute) => 50 + minute / 9.5),
      6,
      PROMISED,
    );
    expect(heapSlope).toBeCloseTo(10 / 9.5, 6);
    expect(broken).toEqual([expect.stringContaining("The heap grows by 1.05 MB")]);
  });

  test("names handles that are left, and calls that failed", () => {
    const leaving = samples(
      () => 50,
      (minute) => 20 + minute,
    );
    expect(judge([...leaving, sample(30, 50, 50, 2)], 6, PROMISED).broken).toEqual([
      expect.stringContaining("handles more"),
      expect.stringContaining("open files more"),
      "2 calls failed that may not.",
    ]);
  });

  test("needs enough to look at", () => {
    expect(judge(samples(() => 50).slice(0, 2), 0, PROMISED).broken[0]).toContain("three are needed");
  });
});
