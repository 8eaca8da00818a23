/** The build on the other Node versions that it promises, whose binaries npm carries. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CACHE = join(ROOT, "node_modules/.cache/langchain-strata");

/** The binary of one major version, installed once into a folder beside, never into the project. */
function nodeBinary(major: number): string {
  const home = join(CACHE, `node-${major}`);
  const binary = join(home, "node_modules", `node-${process.platform}-${process.arch}`, "bin/node");
  if (existsSync(binary)) return binary;
  mkdirSync(CACHE, { recursive: true });
  const building = mkdtempSync(join(CACHE, `node-${major}-building-`));
  const name = `node-${process.platform}-${process.arch}@${major}`;
  execFileSync("npm", ["install", "--prefix", building, "--no-save", "--no-audit", "--no-fund", name], { stdio: "pipe" });
  rmSync(home, { recursive: true, force: true });
  renameSync(building, home);
  return binary;
}

function run(binary: string, ...args: string[]): string {
  const { DEEPSEEK_API_KEY: _, ...env } = process.env;
  return execFileSync(binary, args, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], env });
}

describe.each([22, 24])("on Node %i", (major) => {
  test("the demo runs, restart included", () => {
    const binary = nodeBinary(major);
    expect(run(binary, "--version")).toMatch(new RegExp(`^v${major}\\.`));
    const out = run(binary, "dist/cli/main.js", "demo", "--json");
    const result = JSON.parse(out.trim().split("\n").at(-1) ?? "") as Record<string, number>;
    expect(result).toMatchObject({ modelCalls: 4, memoryHits: 4, diskHitsAfterRestart: 4 });
  });

  test("import and require give the same names", () => {
    const binary = nodeBinary(major);
    const names = "Object.keys(m).filter((name) => name !== 'default' && name !== 'module.exports').sort().join()";
    const esm = run(binary, "--input-type=module", "-e", `import * as m from "langchain-strata"; console.log(${names})`);
    const cjs = run(binary, "--input-type=commonjs", "-e", `const m = require("langchain-strata"); console.log(${names})`);
    expect(cjs).toBe(esm);
  });
});
