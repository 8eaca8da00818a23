/** Signals that reach a real `strata`, in a process of its own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { runCommand } from "../../src/cli/run-command.ts";
import type { DeepSeekStandInOptions } from "../../src/testing/deepseek-stand-in/options.ts";
import { startDeepSeekStandIn, type DeepSeekStandIn } from "../../src/testing/deepseek-stand-in/start.ts";
import { recordedTerminal } from "../support/recorded-terminal.ts";
import { question, said } from "../support/serve-bed.ts";
import { startTypeScript, type TypeScriptChild } from "../support/typescript-child.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
/** Of a process that starts on a busy machine. */
const STARTED = { timeout: 30_000 };
const HANGS = { hang: "silent" } as const;

async function bed(options: DeepSeekStandInOptions): Promise<{ api: DeepSeekStandIn; folder: string }> {
  const api = await startDeepSeekStandIn(options);
  const folder = mkdtempSync(join(tmpdir(), "strata-signals-"));
  onTestFinished(async () => {
    await api.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { api, folder };
}

function strata(...args: readonly string[]): TypeScriptChild {
  const child = startTypeScript(MAIN, args);
  onTestFinished(() => child.kill());
  return child;
}

function signal(child: TypeScriptChild, name: NodeJS.Signals): void {
  process.kill(child.pid ?? Number.NaN, name);
}

/** The line of JSON among what a process has written. */
function jsonOf(child: TypeScriptChild): unknown {
  return JSON.parse(child.noise.split("\n").find((line) => line.startsWith("{")) ?? "null");
}

describe("Ctrl-C while strata warm is asking", () => {
  test("ends it with 130; what was answered is there whole, what was not is not", async () => {
    const { api, folder } = await bed({ delay: 0, failures: [...Array.from({ length: 8 }, () => null), HANGS, HANGS] });
    const model = { provider: "deepseek", model: "deepseek-chat", apiKey: "none", baseURL: api.url };
    const [config, questions] = [join(folder, "strata.json"), join(folder, "questions.txt")];
    writeFileSync(config, JSON.stringify({ data: join(folder, "kept"), model }));
    const asked = Array.from({ length: 60 }, (_, at) => `What is the meaning of word number ${at}?`);
    writeFileSync(questions, asked.join("\n"));
    const args = ["warm", "--config", config, "--questions", questions, "--concurrency", "2", "--json"];

    const child = strata(...args);
    // Eight are answered, and the two after them are under way for as long as it lives.
    await expect.poll(() => api.calls.length, STARTED).toBe(10);
    await expect.poll(() => api.calls.filter(({ outcome }) => outcome === "answered").length).toBe(8);
    signal(child, "SIGINT");
    expect(await child.ended, child.noise).toEqual({ code: 130, signal: null });
    const first = jsonOf(child) as { stopped: boolean; filled: number };
    expect(first.stopped).toBe(true);
    expect(first.filled).toBeGreaterThan(0);
    expect(first.filled).toBeLessThan(asked.length);
    // Those under way were given up, not left running.
    await expect.poll(() => api.calls.some(({ outcome }) => outcome === "running")).toBe(false);

    const terminal = recordedTerminal();
    const before = api.calls.length;
    expect(await runCommand(args, COMMANDS, terminal)).toBe(0);
    const second = JSON.parse(terminal.outs.join("")) as { hits: number; filled: number; failed: unknown[] };
    expect(second).toMatchObject({ hits: first.filled, filled: asked.length - first.filled, failed: [] });
    expect(api.calls.length - before).toBe(second.filled);
  });
});

describe("SIGTERM while strata serve has a request under way", () => {
  test("finishes that stream, keeps its answer, takes no other, and ends with 0", async () => {
    const { api, folder } = await bed({ delay: { firstToken: 1_000, perToken: 1, jitter: 0 } });
    const args = ["serve", "--port", "0", "--data", join(folder, "kept"), "--upstream", `${api.url}/v1`, "--json"];
    const serve = async (): Promise<{ child: TypeScriptChild; url: string; routes: readonly string[] }> => {
      const child = strata(...args);
      await expect.poll(() => child.noise, STARTED).toContain("\n");
      return { child, ...(jsonOf(child) as { url: string; routes: readonly string[] }) };
    };
    const ask = (url: string): Promise<Response> =>
      fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: "Bearer sk-a" },
        body: JSON.stringify(question("What is an order block?", { stream: true })),
      });

    const { child, url, routes } = await serve();
    expect(routes.join("\n")).toContain("/rerank (late-interaction)");
    const answering = ask(url);
    await expect.poll(() => api.calls.length).toBe(1);
    signal(child, "SIGTERM");
    await expect
      .poll(() =>
        fetch(`${url}/health/ready`).then(
          ({ ok }) => ok,
          () => false,
        ),
      )
      .toBe(false);
    const answer = said(await (await answering).text());
    expect(answer).toMatchObject({ finish: "stop", reasoning: expect.stringMatching(/\w/) as string });
    expect(await child.ended, child.noise).toEqual({ code: 0, signal: null });

    const next = await serve();
    const kept = await ask(next.url);
    expect(kept.headers.get("x-strata-cache")).toBe("hit");
    expect(said(await kept.text())).toEqual(answer);
    expect(api.calls).toHaveLength(1);
    signal(next.child, "SIGINT");
    expect(await next.child.ended, next.child.noise).toEqual({ code: 0, signal: null });
  });
});
