import { Document } from "@langchain/core/documents";
import { AIMessage } from "@langchain/core/messages";
import { getEventListeners } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { parseBenchReport, type BenchReport } from "../../../src/bench/bench-report.ts";
import { benchmark, timingOf } from "../../../src/bench/benchmark.ts";
import { compare } from "../../../src/bench/compare.ts";
import { profile } from "../../../src/bench/profile.ts";
import { ragSuite } from "../../../src/bench/rag-suite.ts";
import { renderBenchHtml, renderBenchText, renderComparisonText } from "../../../src/bench/render.ts";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { runCommand } from "../../../src/cli/run-command.ts";
import { manualClock, type ManualClock } from "../../../src/core/clock.ts";
import { recordedTerminal } from "../../support/recorded-terminal.ts";

/** A case that takes so many milliseconds of the manual clock. */
function taking(clock: ManualClock, ms: (call: number) => number): (call: number) => Promise<void> {
  return (call) => clock.advance(ms(call));
}

describe("benchmark", () => {
  test("times every case as often as asked, warm-up apart, and tells percentiles and ratios", async () => {
    const clock = manualClock();
    let calls = 0;
    const report = await benchmark(
      {
        slow: taking(clock, () => 8),
        fast: async () => {
          calls++;
          await clock.advance(2);
        },
      },
      { iterations: 50, warmup: 5, rounds: 5, clock, title: "t" },
    );
    expect(calls).toBe(55);
    expect(report.timings.map(({ name, p50, p95, p99, ratio, samples }) => ({ name, p50, p95, p99, ratio, samples }))).toEqual([
      { name: "slow", p50: 8, p95: 8, p99: 8, ratio: 1, samples: 50 },
      { name: "fast", p50: 2, p95: 2, p99: 2, ratio: 4, samples: 50 },
    ]);
    expect(report.timings.flatMap(({ warnings }) => warnings)).toEqual([]);
    expect(report.at).toMatch(/^2023-11-14T/);
  });

  test("lets the cases take turns", async () => {
    const order: string[] = [];
    await benchmark({ a: () => order.push("a"), b: () => order.push("b") }, { iterations: 4, warmup: 0, rounds: 2 });
    expect(order.join("")).toBe("aabbaabb");
  });

  test("warns of what is rough, noisy or unsteady", () => {
    expect(timingOf("x", [[1, 1, 1]], 1).warnings).toEqual(["only 3 calls: percentiles are rough"]);
    const noisy = Array.from({ length: 60 }, (_, index) => (index % 10 === 0 ? 100 : 1));
    expect(timingOf("x", [noisy], 1).warnings[0]).toMatch(/^noisy/);
    const rounds = [1, 2].map((ms) => Array.from({ length: 500 }, () => ms));
    expect(timingOf("x", rounds, 1).warnings).toEqual(["unsteady: the median of a round moved by 100 %"]);
    expect(timingOf("x", [Array.from({ length: 101 }, (_, index) => index)], 50)).toMatchObject({
      p50: 50,
      p95: 95,
      p99: 99,
      ratio: 1,
    });
  });

  test("leaves nothing that listens to the signal, however many rounds there are", async () => {
    const { signal } = new AbortController();
    await benchmark({ a: () => 1, b: () => 2, c: () => 3 }, { iterations: 8, rounds: 4, signal });
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("ends with what a case throws, with the signal's reason, and refuses what it does not know", async () => {
    await expect(benchmark({ bad: () => Promise.reject(new Error("no model")) }, { iterations: 2 })).rejects.toThrow("no model");
    const reason = new Error("left");
    await expect(benchmark({ a: () => 1 }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(benchmark({})).rejects.toMatchObject({ option: "cases" });
    await expect(benchmark({ a: () => 1 }, { iteration: 3 } as never)).rejects.toMatchObject({ code: "CONFIG" });
  });
});

describe("compare", () => {
  const report = (p50: number, more: Partial<BenchReport> = {}): BenchReport => ({
    ...{ version: 1, title: "t", at: "2026-01-01T00:00:00.000Z" },
    machine: { node: "20", platform: "linux", cpu: "c", cores: 2, memoryBytes: 1 },
    timings: [timingOf("a", [Array.from({ length: 60 }, () => p50)], p50)],
    ...more,
  });

  test("tells what became faster, slower, or stayed; and when the machine is another", () => {
    expect(compare(report(10), report(5)).changes).toEqual([{ name: "a", before: 10, after: 5, ratio: 2, verdict: "faster" }]);
    expect(compare(report(10), report(20)).changes[0]?.verdict).toBe("slower");
    expect(compare(report(10), report(10.3)).changes[0]?.verdict).toBe("same");
    const other = report(10, { machine: { node: "24", platform: "linux", cpu: "c", cores: 2, memoryBytes: 1 } });
    expect(compare(report(10), other).warnings).toEqual(["another node: 20 then, 24 now"]);
    const renamed = report(10, { timings: [timingOf("b", [[1]], 1)] });
    expect(compare(report(10), renamed)).toMatchObject({ added: ["b"], removed: ["a"], changes: [] });
    expect(renderComparisonText(compare(report(10), report(5)))).toContain("2.00x  faster");
  });

  test("reads a report that was saved, and no other", () => {
    expect(parseBenchReport(JSON.stringify(report(3)))).toEqual(report(3));
    for (const bad of ["{", "{}", "[]", JSON.stringify({ ...report(3), version: 2 })]) {
      expect(() => parseBenchReport(bad)).toThrow(/no report/);
    }
  });

  test("renders one page that loads nothing, with every text escaped", () => {
    const html = renderBenchHtml(report(3, { title: "<script>alert(1)</script>", figures: { "<b>": 0.5 } }));
    expect(html).not.toContain("<script");
    expect(html).not.toContain("<b>");
    expect(html).not.toMatch(/(?:src|href)=|url\(/);
    expect(renderBenchText(report(3))).toContain("2026-01-01T00:00:00.000Z, Node 20, linux, 2 x c");
  });
});

describe("profile", () => {
  test("tells time, processor, loop and memory of one function", async () => {
    const found = await profile(
      "spin",
      () => {
        const end = performance.now() + 20;
        while (performance.now() < end);
      },
      { iterations: 5, warmup: 1 },
    );
    expect(found).toMatchObject({ name: "spin", samples: 5 });
    expect(found.p50).toBeGreaterThanOrEqual(20);
    expect(found.cpuMs).toBeGreaterThan(0);
    expect(found.longestBlockMs).toBeGreaterThan(10);
    expect(found.residentBytes).toBeGreaterThan(1e6);
  });
});

describe("ragSuite", () => {
  test("tells the first time from the next, hits of the cache, and recall where it is labelled", async () => {
    const clock = manualClock();
    const seen = new Set<string>();
    const report = await ragSuite(
      {
        retrieve: async (question) => {
          await clock.advance(4);
          return ["a", "b", question === "two" ? "c" : "x"].map((id) => new Document({ pageContent: id, metadata: { id } }));
        },
        answer: async (question) => {
          const isKnown = seen.has(question);
          seen.add(question);
          await clock.advance(isKnown ? 1 : 100);
          const strata = { hit: true };
          return new AIMessage({ content: "x", response_metadata: isKnown && question === "one" ? { strata } : {} });
        },
      },
      [
        { question: "one", relevant: ["a", "z"] },
        { question: "two", relevant: ["c"] },
      ],
      { clock },
    );
    expect(report.timings.map(({ name, p50 }) => [name, p50])).toEqual([
      ["retrieve, first", 4],
      ["answer, first", 100],
      ["retrieve, again", 4],
      ["answer, again", 1],
    ]);
    expect(report.figures).toEqual({ questions: 2, hitRate: 0.5, "recall@10": 0.75 });
    await expect(ragSuite({}, [{ question: "q" }])).rejects.toMatchObject({ option: "subject" });
    await expect(ragSuite({ answer: async () => 1 }, [])).rejects.toMatchObject({ option: "questions" });
  });
});

describe("strata bench", () => {
  test("times cases of your own, keeps the report, and compares with it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "strata-bench-test-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = (name: string): string => join(folder, name);
    writeFileSync(
      file("cases.mjs"),
      "export default { nothing: () => 1, something: () => new Promise((r) => setImmediate(r)) };",
    );
    const run = async (...args: string[]): Promise<{ code: number; out: string; notes: string }> => {
      const terminal = recordedTerminal();
      const code = await runCommand(["bench", "--iterations", "60", ...args], COMMANDS, terminal);
      return { code, out: terminal.outs.join("\n"), notes: terminal.notes.join("\n") };
    };
    const first = await run("--module", file("cases.mjs"), "--save", file("report.json"), "--html", file("report.html"));
    expect(first, first.notes).toMatchObject({ code: 0 });
    expect(first.out).toMatch(/something .* ms|something .* µs/);
    expect(readFileSync(file("report.html"), "utf8")).toContain("<!doctype html>");
    const second = await run("--module", file("cases.mjs"), "--against", file("report.json"), "--json");
    const said = JSON.parse(second.out) as { comparison: { changes: { name: string }[] } };
    expect(said.comparison.changes.map(({ name }) => name)).toEqual(["nothing", "something"]);
    expect((await run("--against", file("cases.mjs"))).code).toBe(2);
    expect((await run("--module", file("nowhere.mjs"))).code).toBe(2);
  });
});
