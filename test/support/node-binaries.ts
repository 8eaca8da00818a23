/** Node in other versions than the one that runs, as packages of npm: nothing else has to be reached. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const CACHE = fileURLToPath(new URL("../../node_modules/.cache/langchain-strata", import.meta.url));

/** The binary of one major version, installed once into a folder beside, never into the project; the running one for its own version. */
export function nodeBinary(major: number): string {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const home = join(CACHE, `node-${major}`);
  const binary = join(home, "node_modules", `node-${process.platform}-${process.arch}`, "bin/node");
  if (existsSync(binary)) return binary;
  mkdirSync(CACHE, { recursive: true });
  const building = mkdtempSync(join(CACHE, `node-${major}-building-`));
  const words = ["install", "--prefix", building, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
  execFileSync("npm", [...words, `node-${process.platform}-${process.arch}@${major}`], { stdio: "pipe" });
  rmSync(home, { recursive: true, force: true });
  renameSync(building, home);
  return binary;
}
