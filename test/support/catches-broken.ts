/**
 * A contract is worth what it catches. Each broken implementation breaks one promise; the contract is run on all of them in a vitest
 * of its own, and must fail the tests that each names, and not all.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { beforeAll, expect, test } from "vitest";

interface Assertion {
  readonly ancestorTitles: readonly string[];
  readonly title: string;
  readonly status: "passed" | "failed" | "skipped" | "pending" | "todo";
}

export interface BrokenOnes {
  /** What one of them is called: `"a tier"`. */
  readonly called: string;
  /** The folder in test/fixtures; its configuration runs the contract on each, and on one that is `whole`. */
  readonly fixture: string;
  readonly broken: readonly { readonly name: string; readonly caughtBy: readonly string[] }[];
  /** More tests than this pass on the whole one. */
  readonly wholePasses: number;
  /** More tests than this pass on a broken one: a contract that fails altogether catches nothing in particular. */
  readonly brokenPasses: number;
}

export function catchesBroken({ called, fixture, broken, wholePasses, brokenPasses }: BrokenOnes): void {
  let assertions: readonly Assertion[] = [];

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), `strata-${fixture}-`));
    const report = join(folder, "report.json");
    const config = `test/fixtures/${fixture}/vitest.config.ts`;
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

  function titles(name: string, status: Assertion["status"]): string[] {
    return assertions.filter((one) => one.ancestorTitles[0] === name && one.status === status).map(({ title }) => title);
  }

  test(`${called} that is whole fails nothing`, () => {
    expect(titles("whole", "failed")).toEqual([]);
    expect(titles("whole", "passed").length).toBeGreaterThan(wholePasses);
  });

  const byName = broken.map(({ name, caughtBy }) => [name, caughtBy] as const);

  test.each(byName)(`${called} that %s is caught`, (name, caughtBy) => {
    expect(titles(name, "failed")).toEqual(expect.arrayContaining([...caughtBy]));
  });

  test.each(byName)(`${called} that %s does not fail everything`, (name) => {
    expect(titles(name, "passed").length).toBeGreaterThan(brokenPasses);
  });
}
