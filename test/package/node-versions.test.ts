/** The build on the other Node versions that it promises, whose binaries npm carries. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { nodeBinary } from "../support/node-binaries.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
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
