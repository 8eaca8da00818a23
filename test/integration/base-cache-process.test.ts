import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const run = promisify(execFile);

test("after close() nothing keeps the process alive, nothing was left unhandled, and who waited was freed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "strata-process-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const script = join(import.meta.dirname, "../fixtures/cache-process.ts");
  const { stdout, stderr } = await run(process.execPath, ["--import", "tsx", script, folder], { timeout: 110_000 });
  const report = JSON.parse(stdout) as { endedAfterMs: number };
  expect(report).toEqual({
    found: "answer 7",
    freed: [null, null, null],
    timers: 0,
    unhandled: [],
    endedAfterMs: expect.any(Number),
  });
  expect(report.endedAfterMs).toBeLessThan(2_000);
  expect(stderr.match(/STRATA_OBSERVER/g)).toHaveLength(1);
  expect(stderr).not.toMatch(/MaxListeners|Unhandled/);
});
