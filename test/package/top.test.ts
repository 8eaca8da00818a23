/** `strata top` in a pseudo-terminal, which `script` of util-linux makes. */
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify, stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMetrics } from "../../src/observability/create-metrics.ts";
import { shareMetrics, type MetricsShare } from "../../src/observability/terminal/metrics-socket.ts";

const CLI = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const hasScript = existsSync("/usr/bin/script");
if (!hasScript && process.env["CI"] === "true")
  throw new Error("script (util-linux) is not there; strata top was NOT tested in a terminal");

const ENTER = "\u001b[?1049h";
const LEAVE = "\u001b[?25h\u001b[?1049l";

let folder: string;
let share: MetricsShare;
const metrics = createMetrics();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "strata-top-"));
  metrics.observer({ type: "cache.lookup", outcome: "hit", tier: "memory", coalesced: false, ms: 1, key: "k" });
  share = await shareMetrics({ metrics, folder, name: "my-app" });
});
afterAll(async () => {
  await share.close();
  metrics.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Seen {
  readonly text: () => string;
  readonly type: (keys: string) => void;
  readonly ended: Promise<number>;
}

/** @param size what the terminal says of itself */
function inTerminal(size = "rows 24 cols 80"): Seen {
  const child = spawn("script", ["-qefc", `stty ${size}; exec ${process.execPath} ${CLI} top --data ${folder}`, "/dev/null"], {
    stdio: "pipe",
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return {
    text: () => text,
    type: (keys) => void child.stdin.write(keys),
    ended: new Promise((resolve) => child.on("exit", (code) => resolve(code ?? -1))),
  };
}

describe("strata top", () => {
  it("prints the figures once, as text and as JSON, without colours where there is no terminal", async () => {
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, [CLI, "top", "--once", "--json", "--data", folder]);
    expect(JSON.parse(stdout)).toMatchObject({ hits: 1, processes: [{ name: "my-app", pid: process.pid }] });
    const plain = await run(process.execPath, [CLI, "top", "--once", "--data", folder]);
    expect(plain.stdout).toContain("my-app");
    expect(plain.stdout).not.toContain("\u001b");
    await expect(run(process.execPath, [CLI, "top", "--once", "--data", join(folder, "none")])).rejects.toMatchObject({
      code: 1,
    });
    await expect(run(process.execPath, [CLI, "top", "--data", folder])).rejects.toMatchObject({ code: 2 });
  });

  for (const [name, keys] of [
    ["q", "q"],
    ["Ctrl-C", "\u0003"],
  ] as const) {
    it.skipIf(!hasScript)(`shows a screen of its own, and gives the terminal back at ${name}`, async () => {
      const seen = inTerminal();
      await expect.poll(seen.text, { timeout: 20_000 }).toContain("my-app");
      expect(seen.text()).toContain(ENTER);
      expect(seen.text()).not.toContain(LEAVE);
      seen.type(keys);
      expect(await seen.ended).toBe(0);
      expect(seen.text()).toContain(LEAVE);
    });
  }

  it.skipIf(!hasScript)("gives the terminal back when it is told to end, and keeps to a narrow window", async () => {
    const seen = inTerminal("rows 5 cols 30");
    await expect.poll(seen.text, { timeout: 20_000 }).toContain("strata top");
    await expect.poll(seen.text).toContain("lookups/s");
    expect(seen.text()).not.toContain("my-app");
    // What is between the sequences of the terminal.
    const lines = stripVTControlCharacters(seen.text()).split(/[\r\n]+/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(30);
    seen.type("\u0004");
    expect(await seen.ended).toBe(0);
    expect(seen.text()).toContain(LEAVE);
  });
});
