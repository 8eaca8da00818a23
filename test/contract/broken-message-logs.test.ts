/** The contract is worth what it catches: each of these logs breaks one promise, and must fail the tests that are named. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { BROKEN_MESSAGE_LOGS } from "../fixtures/broken-message-logs/broken-message-logs.ts";

interface Assertion {
  readonly ancestorTitles: readonly string[];
  readonly title: string;
  readonly status: "passed" | "failed" | "skipped" | "pending" | "todo";
}

let assertions: readonly Assertion[] = [];

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), "strata-broken-message-logs-"));
  const report = join(folder, "report.json");
  const config = "test/fixtures/broken-message-logs/vitest.config.ts";
  const vitest = resolve("node_modules/vitest/vitest.mjs");
  try {
    // It exits with 1, as it should.
    await new Promise<void>((end) => {
      const words = [vitest, "run", "--config", config, "--root", ".", "--reporter", "json", "--outputFile", report];
      execFile(process.execPath, words, { maxBuffer: 64 * 1024 * 1024 }, () => end());
    });
    const { testResults } = JSON.parse(readFileSync(report, "utf8")) as { testResults: { assertionResults: Assertion[] }[] };
    assertions = testResults.flatMap(({ assertionResults }) => assertionResults);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 170_000);

function titles(log: string, status: Assertion["status"]): string[] {
  return assertions.filter((one) => one.ancestorTitles[0] === log && one.status === status).map(({ title }) => title);
}

test("a log that is whole fails nothing", () => {
  expect(titles("whole", "failed")).toEqual([]);
  expect(titles("whole", "passed").length).toBeGreaterThan(50);
});

const byName = BROKEN_MESSAGE_LOGS.map(({ name, caughtBy }) => [name, caughtBy] as const);

test.each(byName)("a log that %s is caught", (name, caughtBy) => {
  expect(titles(name, "failed")).toEqual(expect.arrayContaining([...caughtBy]));
});

test.each(byName)("a log that %s does not fail everything", (name) => {
  expect(titles(name, "passed").length).toBeGreaterThan(5);
});
