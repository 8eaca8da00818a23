/**
 * What is written is run. Every `ts` block of the pages must type-check against the source; the words behind `ts` say more:
 *
 * - `run`: it is executed too. A `text` block right after it is what it must print; `…` there stands for anything.
 * - `continued`: it goes on where the block before it ended, as one program.
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { blocksOf, pages, ROOT, type Block } from "./pages.ts";
import { sourcePaths, typeErrors } from "./type-check.ts";

interface Program extends Block {
  /** The block with what it continues. */
  readonly whole: string;
  /** What it must print; `undefined` = it is not run. */
  readonly prints: string | undefined;
}

const WORDS: ReadonlySet<string> = new Set(["run", "continued"]);
/** The types of LangChain take seconds to check, more on a machine that has other work. */
const SLOW_MS = 240_000;

function programsOf(page: string): readonly Program[] {
  const programs: Program[] = [];
  for (const [index, block] of blocksOf(page).entries()) {
    if (block.language !== "ts") continue;
    const whole = block.words.includes("continued") ? `${programs.at(-1)?.whole ?? ""}${block.code}` : block.code;
    const next = blocksOf(page)[index + 1];
    const follows = next?.language === "text" && next.line - block.line <= block.code.split("\n").length + 2;
    const prints = block.words.includes("run") ? (follows ? next.code.trimEnd() : "") : undefined;
    programs.push({ ...block, whole, prints });
  }
  return programs;
}

const programs = pages().flatMap(programsOf);
const named = (list: readonly Program[]): ReadonlyArray<[string, Program]> =>
  list.map((program) => [`${program.page}:${program.line}`, program]);
const runnable = programs.filter(({ prints }) => prints !== undefined);

describe("code blocks", () => {
  test("are found, and marked with words that mean something", () => {
    expect(programs.length).toBeGreaterThan(5);
    expect(runnable.length).toBeGreaterThan(2);
    expect(programs.flatMap(({ words }) => words).filter((word) => !WORDS.has(word))).toEqual([]);
  });

  describe("type-checked", () => {
    const wrong = `import { TieredCache } from "langchain-strata";\nnew TieredCache({ tll: "1h" });\n`;
    let errors: ReadonlyMap<string, readonly string[]>;
    beforeAll(() => {
      errors = typeErrors(new Map([["wrong", wrong], ...named(programs).map(([name, { whole }]) => [name, whole] as const)]));
    }, SLOW_MS);

    test.each(named(programs))("%s has no error", (name) => {
      expect(errors.get(name)).toEqual([]);
    });

    test("a misspelt option would be one", () => {
      expect(errors.get("wrong")).toEqual([expect.stringContaining("'tll' does not exist")]);
    });
  });

  describe("run", () => {
    let outputs: ReadonlyMap<Program, string>;
    beforeAll(async () => {
      outputs = await run(runnable);
    }, SLOW_MS);

    test.each(named(runnable))("%s prints what the page says", (_name, program) => {
      const output = outputs.get(program) ?? "it was not run";
      expect(output).not.toContain("THREW");
      if (program.prints !== "") expect(output).toMatch(pattern(program.prints ?? ""));
    });
  });
});

/** The printed text as a pattern; when it does not match, the failed test shows both. */
function pattern(text: string): RegExp {
  const parts = text.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^]*?")}$`);
}

/** Runs all of them in one process: loading LangChain takes longer than any of them does. */
async function run(list: readonly Program[]): Promise<ReadonlyMap<Program, string>> {
  // Inside the repository, where the packages are found; folders named `.cache` are not committed.
  const parent = join(ROOT, ".cache");
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "docs-"));
  try {
    const tsconfig = join(folder, "tsconfig.json");
    writeFileSync(tsconfig, JSON.stringify({ compilerOptions: { module: "NodeNext", target: "ES2023", paths: sourcePaths() } }));
    const files = list.map(({ whole }, index) => {
      const file = join(folder, `block-${index}.ts`);
      writeFileSync(file, whole);
      return file;
    });
    const args = ["--import", "tsx", join(ROOT, "test/fixtures/run-blocks.ts"), ...files];
    const env = { ...process.env, TSX_TSCONFIG_PATH: tsconfig };
    const { stdout } = await promisify(execFile)(process.execPath, args, { env, cwd: ROOT, timeout: SLOW_MS });
    const printed = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as readonly string[];
    return new Map(list.map((program, index) => [program, printed[index] ?? ""]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
