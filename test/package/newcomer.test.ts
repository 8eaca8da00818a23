/** The package as somebody has it who tries it for the first time: a clean folder, the packed tarball, the README. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDeepSeekStandIn, type DeepSeekStandIn } from "../../src/testing/deepseek-stand-in/start.ts";
import { nodeBinary } from "../support/node-binaries.ts";
import { shareRunDirectories } from "../support/servers/local-server.ts";
import { queryOnce } from "../support/servers/probes.ts";
import { openSharedServers, type SharedServers } from "../support/servers/shared-servers.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const LIVE = "https://api.deepseek.com";
const exec = promisify(execFile);

let project: string;
let standIn: DeepSeekStandIn;
let servers: SharedServers;

async function run(command: string, args: readonly string[], cwd = project): Promise<string> {
  // The key that the README's reader has; where it leads is below.
  const env = { ...process.env, DEEPSEEK_API_KEY: "stand-in" };
  const { stdout } = await exec(command, [...args], { cwd, env, encoding: "utf8" });
  return stdout.trim();
}

/** Node with calls of the API sent to the stand-in, so that code is run as it is written. */
async function node(args: readonly string[], { binary = process.execPath, cwd = project } = {}): Promise<string> {
  const redirect = `const { fetch } = globalThis;
    globalThis.fetch = (input, init) => fetch(typeof input === "string" ? input.replace(${JSON.stringify(LIVE)}, ${JSON.stringify(standIn.url)}) : input, init);`;
  return run(binary, ["--import", `data:text/javascript,${encodeURIComponent(redirect)}`, ...args], cwd);
}

async function install(...packages: readonly string[]): Promise<void> {
  await run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", ...packages]);
}

function versionsOf(...names: readonly string[]): string[] {
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    devDependencies: Record<string, string>;
  };
  return names.map((name) => `${name}@${devDependencies[name]}`);
}

/** The same program for `require`: its imports at the top, the rest in a function, which may wait. */
function asCommonJs(code: string): string {
  const imports = code.match(/^import .*$/gm) ?? [];
  return `${imports.join("\n")}\nasync function main() {\n${code.replace(/^import .*\n/gm, "")}}\nvoid main();\n`;
}

/** The two lines that the README leaves to its reader. */
function withServers(code: string): string {
  const url: Readonly<Record<string, string>> = { redis: servers.redisUrl, postgres: servers.databaseUrl };
  const changed = code.replace(/^( *)\/\/ (redis|postgres): "[^"]*",/gm, (_all, indent: string, name: string) => {
    return `${indent}${name}: ${JSON.stringify(url[name])},`;
  });
  expect(changed.split("\n").filter((line, at) => line !== code.split("\n")[at])).toHaveLength(2);
  return changed;
}

function blocksOf(page: string): string[] {
  return [...readFileSync(join(ROOT, page), "utf8").matchAll(/^```ts[^\n]*\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);
}

beforeAll(async () => {
  await shareRunDirectories();
  [standIn, servers] = await Promise.all([startDeepSeekStandIn({ delay: 0 }), openSharedServers()]);
  project = mkdtempSync(join(tmpdir(), "strata-newcomer-"));
  const packed = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", project], ROOT);
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "newcomer", private: true, type: "module" }));
  await install(`./${filename}`, ...versionsOf("@langchain/core", "@langchain/deepseek"));
});

afterAll(async () => {
  await Promise.all([standIn.close(), servers.close()]);
  rmSync(project, { recursive: true, force: true });
});

/** An own folder, so that no other run has left answers in `.strata`. */
function folder(name: string): string {
  const path = join(project, name);
  mkdirSync(join(path, "handbook"), { recursive: true });
  writeFileSync(join(path, "handbook/returns.txt"), "Parcels may be returned within 30 days, with the label from your account.");
  return path;
}

describe("in a clean folder", () => {
  test("the README's code type-checks strictly, for import and for require", async () => {
    const [first = "", second = ""] = blocksOf("README.md");
    expect([first, second].map((code) => /from "langchain-strata"/.test(code))).toEqual([true, true]);
    writeFileSync(join(project, "first.ts"), first);
    writeFileSync(join(project, "first-required.cts"), asCommonJs(first));
    writeFileSync(join(project, "second.ts"), withServers(second));
    const options = {
      strict: true,
      module: "nodenext",
      target: "es2023",
      types: ["node"],
      typeRoots: [join(ROOT, "node_modules/@types")],
      skipLibCheck: true,
    };
    const files = ["first.ts", "first-required.cts", "second.ts"];
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files }));
    await run("node", [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "."]).catch((error: { stdout?: string }) => {
      throw new Error(error.stdout);
    });
  });

  describe.each([20, 22, 24])("on Node %i", (major) => {
    test.each([
      ["imported", "first.js"],
      ["required", "first-required.cjs"],
    ])("the README's first example runs as it stands: %s", async (name, file) => {
      const binary = nodeBinary(major);
      expect(await run(binary, ["--version"])).toMatch(new RegExp(`^v${major}\\.`));
      const before = standIn.calls.length;
      expect(await node([join(project, file)], { binary, cwd: folder(`${name}-${major}`) })).toContain("hit: true");
      expect(standIn.calls).toHaveLength(before + 1);
    });
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
    expect(await node([`--input-type=${kind}`, "-e", program])).toBe(`model undefined ${found}`);
    expect(await node([`--input-type=${kind}`, "-e", program])).toBe(`exact disk ${found}`);
  });

  test("what is not installed is named, with the command that installs it", async () => {
    const program = `import { createStrata } from "langchain-strata";
      const strata = await createStrata({ data: ".data-peers", model: { provider: "openai", model: "m" }, postgres: "postgres://localhost/app" });
      await strata.conversations.history({ ownerId: "ada", sessionId: "s" }).getMessages().catch((error) => console.log(error.code, error.message));
      await strata.close();`;
    expect(await node(["--input-type=module", "-e", program])).toMatch(/^MISSING_PEER .*npm install pg$/);
  });
});

describe("grown up", () => {
  beforeAll(() => install(...versionsOf("ioredis", "pg")));

  async function storedMessages(): Promise<number> {
    const [row] = await queryOnce(servers.databaseUrl, "SELECT count(*)::int AS n FROM strata_messages").catch(() => []);
    return Number(row?.["n"] ?? 0);
  }

  async function keysInRedis(): Promise<number> {
    const redis = new Redis(servers.redisUrl);
    return redis.dbsize().finally(() => redis.disconnect());
  }

  test.each([20, 22, 24])("Redis and PostgreSQL are two lines more, on Node %i", async (major) => {
    const before = await storedMessages();
    const keys = await keysInRedis();
    const out = await node([join(project, "second.js")], { binary: nodeBinary(major), cwd: folder(`served-${major}`) });
    expect(out).toMatch(/ (?:true|false) [\d.]+$/);
    expect(await storedMessages()).toBe(before + 2);
    expect(await keysInRedis()).toBeGreaterThan(keys);
  });
});
