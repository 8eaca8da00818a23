/** The packages that this one works with: whether they are there, new enough, and can be loaded. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { absent, broken, ok, reasonOf, type Finding } from "./finding.ts";

/** What each is for. Those for tests (`vitest`, `fast-check`) are left out. */
const PURPOSES: Readonly<Record<string, string>> = {
  "@langchain/core": "everything",
  "@langchain/deepseek": "DeepSeek models, and `strata demo`",
  "@langchain/openai": "models of OpenAI's protocol",
  langchain: "middleware of agents",
  "@langchain/langgraph-checkpoint": "nodeCache",
  ioredis: "Redis",
  pg: "PostgreSQL",
  "@electric-sql/pglite": "conversations without a server",
  "@electric-sql/pglite-pgvector": "vectors of messages without a server",
  "onnxruntime-node": "local transformers: minilm, late interaction",
  "langchain-strata-minilm": "local transformers: minilm, late interaction",
  "@huggingface/tokenizers": "ONNX models of your own",
  unpdf: "reading PDF",
  "@langchain/qdrant": "Qdrant",
  "prom-client": "Prometheus",
  "@opentelemetry/api": "OpenTelemetry",
};

/** Holds files and no program; the look at the local models reads them. */
const FILES_ONLY = "langchain-strata-minilm";

interface Manifest {
  readonly version: string;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** @param needed names of packages that the config makes use of; the others may be absent */
export async function checkPackages(needed: ReadonlySet<string>): Promise<Finding[]> {
  const require = createRequire(import.meta.url);
  const { peerDependencies = {} } = require("langchain-strata/package.json") as Manifest;
  return Promise.all(
    Object.entries(PURPOSES).map(async ([name, purpose]) =>
      checkPackage({
        ...{ name, purpose, accepted: peerDependencies[name] ?? "", isNeeded: needed.has(name) },
        version: installedVersion(name, require.resolve.paths(name) ?? []),
        load: () => (name === FILES_ONLY ? Promise.resolve() : import(name)),
      }),
    ),
  );
}

export interface PackageFacts {
  readonly name: string;
  readonly purpose: string;
  /** A range as in `package.json`: `^1.2.0 || ^2.0.0`; empty = any. */
  readonly accepted: string;
  readonly isNeeded: boolean;
  /** `undefined` = not installed. */
  readonly version: string | undefined;
  readonly load: () => Promise<unknown>;
}

export async function checkPackage({ name, purpose, accepted, isNeeded, version, load }: PackageFacts): Promise<Finding> {
  const install = `npm install "${name}${accepted === "" ? "" : `@${accepted}`}"`;
  if (version === undefined) {
    const detail = `not installed; for ${purpose}`;
    return isNeeded ? broken(name, detail, install) : absent(name, detail, `nothing, or ${install}`);
  }
  if (!accepts(accepted, version)) return broken(name, `${version}; needed: ${accepted}`, install);
  try {
    await load();
    return ok(name, version);
  } catch (error) {
    return broken(name, `${version}, cannot be loaded: ${reasonOf(error)}`, `rm -r node_modules/${name}, then ${install}`);
  }
}

/** From the manifest in the folders that Node looks in: not every package lets its manifest be imported. */
function installedVersion(name: string, folders: readonly string[]): string | undefined {
  for (const folder of folders) {
    try {
      return (JSON.parse(readFileSync(join(folder, name, "package.json"), "utf8")) as Manifest).version;
    } catch {
      // Not in this one.
    }
  }
  return undefined;
}

/** Ranges of the one form that our peers are named in: `^1.2.3`, alternatives with `||`. */
export function accepts(range: string, version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.+-]/).map(Number);
  return range.split("||").some((one) => {
    const least = /^\^(\d+)\.(\d+)\.(\d+)$/.exec(one.trim())?.slice(1).map(Number);
    if (least === undefined) return one.trim() === "";
    const [a = 0, b = 0, c = 0] = least;
    if (major !== a) return false;
    // Below 1.0.0 the caret holds the first number that is not 0.
    if (a === 0 && minor !== b) return false;
    if (a === 0 && b === 0) return patch === c;
    return minor > b || (minor === b && patch >= c);
  });
}
