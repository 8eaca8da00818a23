/** `strata top` in a pseudo-terminal, which `script` of util-linux makes. */
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
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
  /** Of strata itself, and of its terminal. */
  readonly process: () => { readonly pid: number; readonly terminal: string };
  readonly text: () => string;
  readonly type: (keys: string) => void;
  readonly ended: Promise<number>;
}

/**
 * @param size what the terminal says of itself
 * @param before a script that node runs before strata
 */
function inTerminal(size = "rows 24 cols 80", before?: string): Seen {
  const node = before === undefined ? process.execPath : `${process.execPath} --require ${before}`;
  const child = spawn("script", ["-qefc", `stty ${size}; exec ${node} ${CLI} top --data ${folder}`, "/dev/null"], {
    stdio: "pipe",
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return {
    process() {
      const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ")[0]);
      return { pid, terminal: readlinkSync(`/proc/${pid}/fd/1`) };
    },
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

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it.skipIf(!hasScript)(`gives the terminal back at ${signal}`, async () => {
      const seen = inTerminal();
      await expect.poll(seen.text, { timeout: 20_000 }).toContain("my-app");
      process.kill(seen.process().pid, signal);
      expect(await seen.ended).toBe(0);
      expect(seen.text().endsWith(LEAVE)).toBe(true);
    });
  }

  it.skipIf(!hasScript)("gives the terminal back before it says what it died of", async () => {
    const crash = join(folder, "crash.cjs");
    writeFileSync(crash, 'process.on("SIGUSR2", () => { throw new Error("died on purpose"); });');
    const seen = inTerminal("rows 24 cols 80", crash);
    await expect.poll(seen.text, { timeout: 20_000 }).toContain("my-app");
    const { pid, terminal } = seen.process();
    const settings = async (): Promise<string> => (await promisify(execFile)("stty", ["-F", terminal, "-a"])).stdout;
    expect(await settings()).toContain("-icanon");
    process.kill(pid, "SIGUSR2");
    expect(await seen.ended).not.toBe(0);
    const [, after = ""] = seen.text().split(LEAVE);
    expect(after).toContain("died on purpose");
  });

  it.skipIf(!hasScript)("draws anew, and to the width, when the window becomes another one", async () => {
    const seen = inTerminal("rows 24 cols 80");
    await expect.poll(seen.text, { timeout: 20_000 }).toContain("my-app");
    const { terminal } = seen.process();
    const before = seen.text().length;
    await promisify(execFile)("stty", ["-F", terminal, "rows", "6", "cols", "24"]);
    const since = (): string => seen.text().slice(before);
    // A picture that began after the change: the second from there.
    await expect.poll(() => since().split("\u001b[H").length, { timeout: 20_000 }).toBeGreaterThan(3);
    const pictures = since().split("\u001b[H").slice(2, -1);
    for (const picture of pictures) {
      const lines = stripVTControlCharacters(picture).split(/[\r\n]+/);
      expect(lines.length).toBeLessThanOrEqual(6);
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(24);
    }
    seen.type("q");
    expect(await seen.ended).toBe(0);
  });
});
