/** The package as a user has it: packed, installed into an empty project, loaded by name. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Every value that `.` exports. A name that is added or lost is a change of the public API. */
const EXPORTS = [
  "AdaptiveMemoryRetriever",
  "CachedEmbeddings",
  "CachedRetriever",
  "ContextBuilder",
  "ConversationStore",
  "DEFAULT_ALERT_RULES",
  "DEFAULT_PRICES",
  "DocumentStore",
  "HybridChatMessageHistory",
  "PopularQuestions",
  "PromptLibrary",
  "RerankCompressor",
  "RerankProviderError",
  "Strata",
  "StrataConfigError",
  "StrataError",
  "TieredCache",
  "adaptivePolicy",
  "alerts",
  "archiveConversations",
  "archiveHistory",
  "archiveTier",
  "automaticBackup",
  "backup",
  "baseCacheTier",
  "benchmark",
  "cacheModel",
  "cached",
  "calibrateFromLabels",
  "calibratedPolicy",
  "cohereReranker",
  "compare",
  "correlate",
  "createMetrics",
  "createStrata",
  "damagedEntries",
  "diskTier",
  "dropDeadLetters",
  "embedMessages",
  "encryptedTier",
  "eraseDeletedRows",
  "estimateTokens",
  "evaluateRerank",
  "expiredEntries",
  "fanOut",
  "fileKeyStore",
  "flatIndex",
  "forgettingLog",
  "generalPrompts",
  "historyPart",
  "hitOf",
  "hybridLog",
  "importHistory",
  "infinityReranker",
  "ingest",
  "isSummaryMessage",
  "jinaReranker",
  "jsonLog",
  "keepWarm",
  "keysFromFile",
  "labelsOf",
  "lexicalReranker",
  "listDeadLetters",
  "llmAdapter",
  "llmVerifier",
  "localLeases",
  "manualClock",
  "memoryLog",
  "memoryTier",
  "mixedbreadReranker",
  "oldEmbeddings",
  "oldMessageEmbeddings",
  "optimizeTables",
  "orphanedHistory",
  "orphanedQuestions",
  "parseBenchReport",
  "postgresLeases",
  "postgresLog",
  "profile",
  "quoteRecalled",
  "ragSuite",
  "rebuildSearch",
  "rebuildTier",
  "rebuildVectors",
  "recordsPart",
  "redactBackup",
  "reembedMessages",
  "reencryptMessages",
  "reencryptValues",
  "reindexTables",
  "removeIngested",
  "renderBenchHtml",
  "renderBenchText",
  "renderComparisonText",
  "renderRerankHtml",
  "renderRerankText",
  "rerankPreset",
  "restore",
  "retryDeadLetters",
  "rewrapKeys",
  "scopedKeys",
  "scopedOwner",
  "scoredRetriever",
  "splitThinking",
  "sqlKeyStore",
  "startHistoryWriter",
  "startScheduler",
  "staticKeys",
  "staticPolicy",
  "systemClock",
  "teiReranker",
  "thinkSplitter",
  "tierPart",
  "tradingPrompts",
  "unusedEntries",
  "vectorStoreIndex",
  "verifyBackup",
  "vllmReranker",
  "voyageReranker",
  "warmPopular",
];

let project: string;
let packed: string[];

function run(command: string, args: readonly string[], cwd = project): string {
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "strata-installed-"));
  const [report] = JSON.parse(run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", project], ROOT)) as [
    { filename: string; files: { path: string }[] },
  ];
  packed = report.files.map(({ path }) => path);
  const core = (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { devDependencies: Record<string, string> })
    .devDependencies["@langchain/core"];
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", `./${report.filename}`, `@langchain/core@${core}`]);
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

describe("the installed package", () => {
  test("holds the build, the front pages, the static model and the files for monitoring, and nothing else", () => {
    const outside = packed.filter((path) => !path.startsWith("dist/"));
    const model = ["LICENSE", "LICENSE.wordnet.txt", "NOTICE.md", "scale.f32", "table.i8", "vocab.txt"];
    const files = ["CHANGELOG.md", "LICENSE", "README.md", ...model.map((name) => `models/static-enpt-256/${name}`)];
    const monitoring = ["monitoring/grafana-dashboard.json", "monitoring/prometheus-rules.yml"];
    expect(outside.toSorted()).toEqual([...files, ...monitoring, "package.json", "strata.schema.json"]);
  });

  test("names no path of the machine that built it", () => {
    const leaks = packed.filter((path) =>
      readFileSync(join(project, "node_modules/langchain-strata", path), "utf8").includes(ROOT),
    );
    expect(leaks).toEqual([]);
  });

  test("installs without any optional peer", () => {
    for (const peer of ["ioredis", "pg", "langchain", "vitest", "@langchain/deepseek"]) {
      expect(() => readFileSync(join(project, "node_modules", peer, "package.json")), peer).toThrow("ENOENT");
    }
  });

  test("exports the same names through import and require", () => {
    const program = "console.log(JSON.stringify(Object.keys(m).filter((name) => name !== 'default').sort()))";
    const esm = run("node", ["--input-type=module", "-e", `import * as m from "langchain-strata"; ${program}`]);
    const cjs = run("node", ["--input-type=commonjs", "-e", `const m = require("langchain-strata"); ${program}`]);
    expect(JSON.parse(esm)).toEqual(EXPORTS);
    expect(JSON.parse(cjs)).toEqual(EXPORTS);
  });

  test("names its subpaths for resolvers that do not read `exports`, as those of notebooks", () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      exports: Record<string, string | { import: { types: string } }>;
      typesVersions: { "*": Record<string, string[]> };
    };
    const subpaths = Object.entries(manifest.exports).flatMap(([path, target]) =>
      path === "." || typeof target === "string" ? [] : [[path.slice(2), [target.import.types]] as const],
    );
    expect(manifest.typesVersions["*"]).toEqual(Object.fromEntries(subpaths));
  });

  test("is a BaseCache of the LangChain that loads it, either way, and answers from memory and disk", () => {
    const program = `
      const cache = new TieredCache({ tiers: [memoryTier(), diskTier({ path: "./cache-" + kind })] });
      const go = async () => {
        await cache.update("p", 'model:"m"', [{ text: "t" }]);
        const first = (await cache.lookup("p", 'model:"m"'))[0];
        await cache.close();
        const again = new TieredCache({ tiers: [memoryTier(), diskTier({ path: "./cache-" + kind })] });
        const second = (await again.lookup("p", 'model:"m"'))[0];
        await again.close();
        console.log(cache instanceof BaseCache, first.text, first.generationInfo.strata.tier, second.text, second.generationInfo.strata.tier);
      };
      go();`;
    const names = "{ TieredCache, memoryTier, diskTier }";
    const esm = `const kind = "esm"; ${program}`;
    const cjs = `const kind = "cjs"; const ${names} = require("langchain-strata"); const { BaseCache } = require("@langchain/core/caches"); ${program}`;
    const imports = `import ${names} from "langchain-strata"; import { BaseCache } from "@langchain/core/caches";`;
    expect(run("node", ["--input-type=module", "-e", `${imports} ${esm}`]).trim()).toBe("true t memory t disk");
    expect(run("node", ["--input-type=commonjs", "-e", cjs]).trim()).toBe("true t memory t disk");
  });

  test("loads no module of an optional client when `.` is imported", () => {
    // Modules that would throw when loaded stand where the optional peers would be.
    for (const peer of ["ioredis", "pg", "langchain", "vitest", "@langchain/deepseek", "@electric-sql/pglite"]) {
      const folder = join(project, "node_modules", peer);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "package.json"), JSON.stringify({ name: peer, version: "0.0.0", main: "index.cjs" }));
      writeFileSync(join(folder, "index.cjs"), `throw new Error("${peer} was loaded");`);
    }
    try {
      expect(run("node", ["--input-type=module", "-e", `await import("langchain-strata"); console.log("loaded")`]).trim()).toBe(
        "loaded",
      );
    } finally {
      for (const peer of ["ioredis", "pg", "langchain", "vitest", "@langchain/deepseek", "@electric-sql/pglite"]) {
        rmSync(join(project, "node_modules", peer), { recursive: true });
      }
    }
  });

  test("has a doctor that finds nothing broken where optional peers are absent", () => {
    const report = JSON.parse(run("npx", ["--no-install", "strata", "doctor", "--json"])) as {
      ok: boolean;
      findings: { state: string }[];
    };
    expect(report.ok).toBe(true);
    expect(report.findings.map(({ state }) => state)).toContain("absent");
  });
});
