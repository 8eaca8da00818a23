/** `strata bench`: how fast the parts are on this machine, or cases of your own; kept, and compared with an earlier run. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { parseBenchReport, type BenchReport } from "../../bench/bench-report.ts";
import { benchmark, type BenchCase } from "../../bench/benchmark.ts";
import { compare } from "../../bench/compare.ts";
import { renderBenchHtml, renderBenchText, renderComparisonText } from "../../bench/render.ts";
import { TieredCache } from "../../cache/tiered-cache.ts";
import { diskTier } from "../../cache/tiers/disk.ts";
import { memoryTier } from "../../cache/tiers/memory.ts";
import { LocalEmbeddings } from "../../embeddings/local-embeddings.ts";
import { lexicalReranker } from "../../rerank/rerankers/lexical.ts";
import { UsageError, type Command } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { countOf } from "../open-strata.ts";

export const bench: Command = {
  name: "bench",
  summary: "time the parts on this machine, or cases of your own",
  usage: `Usage: strata bench [--module FILE] [--iterations N] [--save FILE] [--against FILE] [--html FILE] [--json]

  --module FILE     a JavaScript module whose default export is your cases: { name: async () => … }
  --iterations N    timed calls of each case; default 500
  --save FILE       keeps the report as JSON
  --against FILE    compares with a report that was kept
  --html FILE       writes the report as one page that loads nothing
  --json            prints the report, and the comparison, as JSON

Without --module it times a hit in memory, a hit on disk, a local embedding and a lexical reranking of 50 texts.
Ratios are to the first case. Exit code 1 when, with --against, something became slower.`,
  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...{ module: { type: "string" }, iterations: { type: "string" }, save: { type: "string" } },
        ...{ against: { type: "string" }, html: { type: "string" }, json: { type: "boolean" } },
      },
      strict: true,
    });
    const iterations = countOf("iterations", values.iterations) ?? 500;
    // Read before anything is timed: a wrong file is told at once.
    const earlier = values.against === undefined ? undefined : readReport(values.against);
    const interrupt = untilInterrupted();
    try {
      const run = (cases: Readonly<Record<string, BenchCase>>, title: string): Promise<BenchReport> =>
        benchmark(cases, {
          ...{ title, iterations, signal: interrupt.signal },
          onProgress: ({ done, total, name }) => terminal.status(`${done + 1} of ${total}: ${name}`),
        });
      const report =
        values.module === undefined
          ? await withParts((cases) => run(cases, "strata bench"))
          : await run(await casesIn(values.module), values.module);
      terminal.status("");
      const comparison = earlier && compare(earlier, report);
      if (values.save !== undefined) writeFileSync(values.save, `${JSON.stringify(report, undefined, 2)}\n`);
      if (values.html !== undefined) writeFileSync(values.html, renderBenchHtml(report));
      if (values.json === true) terminal.out(JSON.stringify({ report, ...(comparison && { comparison }) }));
      else {
        terminal.out(renderBenchText(report));
        if (comparison !== undefined) terminal.out(`\n${renderComparisonText(comparison)}`);
      }
      return comparison?.changes.some(({ verdict }) => verdict === "slower") === true ? 1 : 0;
    } finally {
      interrupt.release();
    }
  },
};

async function withParts<T>(use: (cases: Readonly<Record<string, BenchCase>>) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "strata-bench-"));
  const memory = new TieredCache({ tiers: [memoryTier()] });
  const disk = new TieredCache({ tiers: [diskTier({ path: join(folder, "cache") })] });
  const embeddings = new LocalEmbeddings();
  const reranker = lexicalReranker();
  const texts = Array.from({ length: 50 }, (_, index) => `Text ${index} tells of order blocks, risk and market structure.`);
  const answer = { text: "An order block is the last opposite candle before a strong move. ".repeat(30) };
  try {
    for (const cache of [memory, disk]) await cache.set("answer", answer);
    await disk.flush();
    return await use({
      "hit in memory": () => memory.get("answer"),
      "hit on disk": () => disk.get("answer"),
      "embedding of a question": (call) => embeddings.embedQuery(`What is an order block, for the ${call}th time?`),
      "reranking of 50 texts, lexical": () => reranker.rerank("What is an order block?", texts),
    });
  } finally {
    await Promise.all([memory.close(), disk.close(), embeddings.close()]);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function casesIn(file: string): Promise<Readonly<Record<string, BenchCase>>> {
  let cases: unknown;
  try {
    cases = ((await import(pathToFileURL(resolve(file)).href)) as { readonly default?: unknown }).default;
  } catch (error) {
    throw new UsageError(`${file} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`);
  }
  const isCases = typeof cases === "object" && cases !== null && Object.values(cases).every((one) => typeof one === "function");
  if (!isCases || Object.keys(cases as object).length === 0) {
    throw new UsageError(`${file} has no default export of functions by name.`);
  }
  return cases as Readonly<Record<string, BenchCase>>;
}

function readReport(file: string): BenchReport {
  try {
    return parseBenchReport(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
