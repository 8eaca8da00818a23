/** The package as somebody has it who tries it for the first time: a clean folder, the packed tarball, the README. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDeepSeekStandIn, type DeepSeekStandIn } from "../../src/testing/deepseek-stand-in/start.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const LIVE = "https://api.deepseek.com";
const exec = promisify(execFile);

let project: string;
let standIn: DeepSeekStandIn;

async function run(command: string, args: readonly string[], cwd = project): Promise<string> {
  // The key that the README's reader has; where it leads is below.
  const env = { ...process.env, DEEPSEEK_API_KEY: "stand-in" };
  const { stdout } = await exec(command, [...args], { cwd, env, encoding: "utf8" });
  return stdout.trim();
}

/** Node with calls of the API sent to the stand-in, so that code is run as it is written. */
async function node(...args: string[]): Promise<string> {
  const redirect = `const { fetch } = globalThis;
    globalThis.fetch = (input, init) => fetch(typeof input === "string" ? input.replace(${JSON.stringify(LIVE)}, ${JSON.stringify(standIn.url)}) : input, init);`;
  return run("node", ["--import", `data:text/javascript,${encodeURIComponent(redirect)}`, ...args]);
}

function blocksOf(page: string): string[] {
  return [...readFileSync(join(ROOT, page), "utf8").matchAll(/^```ts[^\n]*\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);
}

beforeAll(async () => {
  standIn = await startDeepSeekStandIn({ delay: 0 });
  project = mkdtempSync(join(tmpdir(), "strata-newcomer-"));
  const packed = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", project], ROOT);
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    devDependencies: Record<string, string>;
  };
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "newcomer", private: true, type: "module" }));
  const peers = ["@langchain/core", "@langchain/deepseek"].map((name) => `${name}@${devDependencies[name]}`);
  await run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", `./${filename}`, ...peers]);
});

afterAll(async () => {
  await standIn.close();
  rmSync(project, { recursive: true, force: true });
});

describe("in a clean folder", () => {
  test("the README's code type-checks strictly, and its first example runs as it stands", async () => {
    const [first = "", second = ""] = blocksOf("README.md");
    expect([first, second].map((code) => /from "langchain-strata"/.test(code))).toEqual([true, true]);
    writeFileSync(join(project, "first.ts"), first);
    writeFileSync(join(project, "second.ts"), second);
    const options = {
      strict: true,
      module: "nodenext",
      target: "es2023",
      types: ["node"],
      typeRoots: [join(ROOT, "node_modules/@types")],
      skipLibCheck: true,
    };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["first.ts", "second.ts"] }));
    await run("node", [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "."]).catch((error: { stdout?: string }) => {
      throw new Error(error.stdout);
    });
    expect(await node("first.js")).toContain("hit: true");
    expect(standIn.calls).toHaveLength(1);
  });

  test.each([
    ["module", 'import { createStrata } from "langchain-strata";'],
    ["commonjs", 'const { createStrata } = require("langchain-strata");'],
  ])("createStrata answers, also after a restart, and adds documents: %s", async (kind, load) => {
    const program = `${load}
      const go = async () => {
        const strata = await createStrata({ data: ".data-${kind}", model: { provider: "deepseek", model: "deepseek-reasoner" } });
        const { source, tier } = await strata.chat("What is an order block?");
        await strata.addContext("Parcels may be returned within 30 days.", { id: "returns" });
        const [found] = await strata.search("sending a parcel back");
        await strata.close();
        console.log(source, tier, found.pageContent);
      };
      go();`;
    const found = "Parcels may be returned within 30 days.";
    expect(await node(`--input-type=${kind}`, "-e", program)).toBe(`model undefined ${found}`);
    expect(await node(`--input-type=${kind}`, "-e", program)).toBe(`exact disk ${found}`);
  });

  test("what is not installed is named, with the command that installs it", async () => {
    const program = `import { createStrata } from "langchain-strata";
      const strata = await createStrata({ data: ".data-peers", model: { provider: "openai", model: "m" }, postgres: "postgres://localhost/app" });
      await strata.conversations.history({ ownerId: "ada", sessionId: "s" }).getMessages().catch((error) => console.log(error.code, error.message));
      await strata.close();`;
    expect(await node("--input-type=module", "-e", program)).toMatch(/^MISSING_PEER .*npm install pg$/);
  });
});
