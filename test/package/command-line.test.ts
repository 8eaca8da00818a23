/** The command line as built, in processes of its own. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

function strata(...args: string[]): { code: number | null; out: string; err: string } {
  const { DEEPSEEK_API_KEY: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8", env, timeout: 240_000 });
  return { code: status, out: stdout, err: stderr };
}

function withQuestions<T>(text: string, use: (file: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "strata-questions-"));
  const file = join(folder, "questions.txt");
  writeFileSync(file, text);
  try {
    return use(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("strata demo", () => {
  test("asks the model once a question, then answers from memory, and after a restart from disk", () => {
    const { code, out, err } = strata("demo", "--json");
    expect(code, err).toBe(0);
    const result = JSON.parse(out.trim().split("\n").at(-1) ?? "") as Record<string, number> & {
      readonly recall: { readonly found: string };
      readonly rerank: { readonly before: readonly string[]; readonly after: readonly string[] };
    };
    expect(result).toMatchObject({ modelCalls: 4, memoryHits: 4, diskHitsAfterRestart: 4 });
    expect(result["savedMs"]).toBeGreaterThan(4_000);
    expect(result["savedTokens"]).toBeGreaterThan(1_000);
    expect(result["semanticHits"]).toBe(2);
    expect(result.recall.found).toContain("one percent a trade");
    expect(result.rerank.after[0]).toBe(result.rerank.before[2]);
  });

  test("says that it talks to a stand-in", () => {
    const { out } = withQuestions("What is a cache?", (file) => strata("demo", "--questions", file));
    expect(out).toContain("STAND-IN");
    expect(out).toContain("What is a cache?");
  });

  test.each([
    ["an empty file", "\n\n", "holds no question"],
    ["a broken list", '["a", ', "no JSON array"],
    ["a list of other things", "[1, 2]", "no JSON array"],
  ])("refuses %s of questions", (_name, text, message) => {
    const { code, err } = withQuestions(text, (file) => strata("demo", "--questions", file));
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  test("refuses a file that is not there, and an option that it does not have", () => {
    expect(strata("demo", "--questions", "/nowhere/at/all").code).toBe(2);
    const { code, err } = strata("demo", "--fast");
    expect(code).toBe(2);
    expect(err).toContain("--fast");
  });
});

describe("strata", () => {
  test("says its version, as the package does", () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(strata("--version")).toEqual({ code: 0, out: `${version}\n`, err: "" });
  });

  test("lists its commands", () => {
    const { code, out } = strata("help");
    expect(code).toBe(0);
    expect(out).toContain("demo");
    expect(out).toContain("doctor");
  });

  test("refuses a command that it does not have, naming those it has", () => {
    const { code, err } = strata("dmeo");
    expect(code).toBe(2);
    expect(err).toContain("demo, doctor");
  });

  test("has a doctor that is content here", () => {
    const { code, out, err } = strata("doctor");
    // What it found, where it is not content.
    expect({ code, out, err }).toMatchObject({ code: 0 });
    expect(out).toContain("disk tier");
  });
});
