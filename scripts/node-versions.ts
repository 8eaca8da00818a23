/**
 * `npm run test:node-versions`: what a newcomer does, on Node 20, 22 and 24, then all unit tests on 22 and 24, whose binaries npm carries.
 * `--unit` leaves the newcomer out, which `npm test` runs anyway.
 */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeBinary } from "../test/support/node-binaries.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const VITEST = join(ROOT, "node_modules/vitest/vitest.mjs");

function vitest(binary: string, ...args: readonly string[]): boolean {
  // What a test starts by the name `node` is of that version too.
  const env = { ...process.env, PATH: `${dirname(binary)}:${process.env["PATH"]}` };
  const { status } = spawnSync(binary, [VITEST, "run", ...args], { cwd: ROOT, stdio: "inherit", env });
  return status === 0;
}

const results: [string, boolean, number][] = [];
function step(name: string, work: () => boolean): void {
  const begin = performance.now();
  results.push([name, work(), Math.round((performance.now() - begin) / 1000)]);
}

if (!process.argv.includes("--unit")) {
  const files = ["test/package/newcomer.test.ts", "test/package/node-versions.test.ts"];
  step("newcomer on 20, 22, 24", () => vitest(process.execPath, "--project", "package", ...files));
}
for (const major of [22, 24]) step(`unit tests on Node ${major}`, () => vitest(nodeBinary(major), "--project", "unit"));

for (const [name, passed, seconds] of results) console.log(`${passed ? "ok    " : "FAILED"} ${name}, ${seconds} s`);
process.exitCode = results.every(([, passed]) => passed) ? 0 : 1;
