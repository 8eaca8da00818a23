import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

/** Runs Vitest on a project of one test file, with our reporter and one that prints later, and gives its last line. */
async function lastLine(testFile: string, setup = "export default () => {};"): Promise<string> {
  const cache = join(repository, "node_modules/.cache");
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, "ci-summary-"));
  folders.push(folder);
  await writeFile(join(folder, "some.test.ts"), `import { afterAll, expect, it } from "vitest";\n${testFile}`);
  await writeFile(join(folder, "setup.ts"), setup);
  await writeFile(
    join(folder, "vitest.config.ts"),
    `import { ciSummary } from ${JSON.stringify(join(repository, "test/support/ci-summary.ts"))};
     const late = { async onTestRunEnd() { await new Promise((r) => setTimeout(r, 50)); console.log("late"); } };
     export default { test: { include: ["*.test.ts"], globalSetup: "./setup.ts", reporters: ["default", ciSummary(), late] } };`,
  );
  const command = join(repository, "node_modules/vitest/vitest.mjs");
  return new Promise((resolve) => {
    execFile(process.execPath, [command, "run", "--root", folder], { cwd: folder }, (_error, stdout) => {
      resolve(stdout.trimEnd().split("\n").at(-1) ?? "");
    });
  });
}

it("ends a run with one line of counts", async () => {
  const tests = `it("a", () => expect(1).toBe(1)); it("b", () => expect(1).toBe(1)); it("c", () => expect(1).toBe(2)); it.skip("d");`;
  expect(await lastLine(tests)).toBe("2 passed, 1 failed");
});

it("counts a file that cannot be loaded as a failure", async () => {
  expect(await lastLine(`throw new Error("broken");`)).toBe("0 passed, 1 failed");
});

it("counts a failed hook and an error outside of any test as failures", async () => {
  const good = `it("a", () => expect(1).toBe(1));`;
  expect(await lastLine(`${good} afterAll(() => { throw new Error("hook"); });`)).toBe("1 passed, 1 failed");
  const stray = `it("a", async () => { setTimeout(() => { throw new Error("stray"); }); await new Promise((r) => setTimeout(r, 20)); });`;
  expect(await lastLine(stray)).toBe("1 passed, 1 failed");
});

it("counts a run that could not begin as a failure", async () => {
  expect(await lastLine(`it("a", () => {});`, `export default () => { throw new Error("no servers"); };`)).toBe(
    "0 passed, 1 failed",
  );
});
