/** The commands that open a system, on folders of their own. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { TieredCache } from "../../../src/cache/tiered-cache.ts";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { runCommand } from "../../../src/cli/run-command.ts";
import { startDeepSeekStandIn } from "../../../src/testing/deepseek-stand-in/start.ts";
import { recordedTerminal } from "../../support/recorded-terminal.ts";
import { assemble } from "../../../src/system/assemble.ts";
import { readConfig } from "../../../src/system/config/read-config.ts";
import { serveBed } from "../../support/serve-bed.ts";

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "strata-cli-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function strata(...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly notes: string }> {
  const terminal = recordedTerminal();
  const code = await runCommand(args, COMMANDS, terminal);
  return { code, out: terminal.outs.join("\n"), notes: terminal.notes.join("\n") };
}

async function filled(): Promise<string> {
  const data = folder();
  const system = assemble(readConfig({ data, cache: { memory: false } }));
  const cache: TieredCache = system.cache;
  await cache.set("a", 1, { tags: ["handbook/1"], scope: { tenant: "acme", user: "maria" } });
  await cache.set("b", 2, { tags: ["handbook/2"], scope: { tenant: "globex" } });
  await cache.set("c", 3, { scope: "global" });
  await system.close();
  return data;
}

describe("strata clear and forget", () => {
  test("remove what is selected, and nothing without a selection", async () => {
    const data = await filled();
    expect((await strata("clear", "--data", data)).code).toBe(2);
    expect((await strata("clear", "--data", data, "--all", "--tag", "x")).code).toBe(2);
    expect(JSON.parse((await strata("clear", "--data", data, "--pattern", "handbook/2", "--json")).out)).toEqual({ removed: 1 });
    const receipt = JSON.parse((await strata("forget", "--data", data, "--tenant", "acme", "--json")).out) as {
      complete: boolean;
    };
    expect(receipt).toMatchObject({ complete: true, cache: { removed: { disk: 1 } } });
    expect((await strata("clear", "--data", data, "--all")).out).toBe("Removed 1 entry.");
    expect((await strata("forget", "--data", data)).code).toBe(2);
  });

  test("a backup takes its places from a config, and a restore too", async () => {
    const [data, target] = [await filled(), folder()];
    const [file, from, to] = [join(folder(), "named.backup"), join(data, "from.json"), join(target, "to.json")];
    writeFileSync(from, JSON.stringify({ data }));
    writeFileSync(to, JSON.stringify({ data: join(target, "strata") }));
    expect((await strata("backup", file, "--config", from)).out).toContain("cache");
    const restored = await strata("restore", file, "--config", to, "--json");
    expect(JSON.parse(restored.out)).toMatchObject({ parts: [{ name: "cache", restored: 3 }] });
    expect((await strata("backup", file, "--config", join(target, "none.json"))).code).toBe(2);
  });

  test("who was forgotten does not come back by a backup from before, into the same folder or another", async () => {
    const data = await filled();
    const [file, log] = [join(folder(), "before.backup"), join(folder(), "kept", "forgotten.log")];
    expect((await strata("backup", file, "--data", data)).code).toBe(0);
    expect((await strata("forget", "--data", data, "--tenant", "acme", "--forgotten-log", log)).code).toBe(0);
    const restored = async (...args: string[]): Promise<unknown> =>
      (JSON.parse((await strata("restore", file, "--json", ...args)).out) as { parts: unknown[] }).parts[0];
    expect(await restored("--data", data)).toMatchObject({ records: 3, forgotten: 1, restored: 0, present: 2 });
    expect(await restored("--data", folder(), "--forgotten-log", log)).toMatchObject({ forgotten: 1, restored: 2 });
    // A place that knows of nothing, as a control.
    expect(await restored("--data", folder())).toMatchObject({ forgotten: 0, restored: 3 });
    const noted = [join(data, "forgotten.log"), log].map((path) => readFileSync(path, "utf8").replace(/"at":\d+/, "at"));
    expect(noted[0]).toBe(noted[1]);
    expect(noted[0]).not.toContain("acme");

    const system = assemble(readConfig({ data, cache: { memory: false } }));
    const [part] = (await system.restore(file)).parts;
    expect(part).toMatchObject({ forgotten: 1, restored: 0 });
    await system.close();
  });

  test("stats tells what the tiers hold", async () => {
    const data = await filled();
    const { code, out } = await strata("stats", "--data", data, "--json");
    expect(code).toBe(0);
    const tiers = (JSON.parse(out) as { cache: { tiers: { name: string; entries: number }[] } }).cache.tiers;
    expect(tiers.find(({ name }) => name === "disk")?.entries).toBe(3);
    expect((await strata("stats", "--data", data)).out).toMatch(/disk +on +3/);
  });

  test("stats of a running server are asked over HTTP", async () => {
    const { server } = await serveBed({ token: "t0k3n" });
    const denied = await strata("stats", "--url", server.url);
    expect(denied).toMatchObject({ code: 1, notes: "The server answered with 401: give --token." });
    const { out } = await strata("stats", "--url", server.url, "--token", "t0k3n", "--json");
    expect(JSON.parse(out)).toMatchObject({ server: { requests: 2 }, cache: { hits: 0 } });
  });
});

describe("a config", () => {
  test.each([
    ["a wrong key", "cach: {}", "cach"],
    ["a wrong unit", "cache: { ttl: 10 parsecs }", "cache.ttl"],
    ["a wrong type", "cache: { memory: { maxBytes: [1] } }", "cache.memory.maxBytes"],
    ["no YAML", "cache: [", "YAML"],
  ])("with %s is refused before anything is opened, naming it", async (_name, text, named) => {
    const data = folder();
    const file = join(data, "strata.yaml");
    writeFileSync(file, text);
    const { code, notes } = await strata("stats", "--config", file, "--data", join(data, "never"));
    expect(code).toBe(2);
    expect(notes).toContain(named);
    expect(() => statSync(join(data, "never"))).toThrow();
  });
});

describe("strata warm", () => {
  test("asks each question once, and finds it the second time", async () => {
    const api = await startDeepSeekStandIn({ delay: 0 });
    onTestFinished(() => api.close());
    const data = folder();
    const config = join(data, "strata.json");
    const model = { provider: "deepseek", model: "deepseek-chat", apiKey: "none", baseURL: api.url };
    writeFileSync(config, JSON.stringify({ data: join(data, "kept"), model }));
    const questions = join(data, "questions.txt");
    writeFileSync(questions, "What is a cache?\nWhat is a JWT?\nWhat is a cache?\n");
    const first = await strata("warm", "--config", config, "--questions", questions, "--json");
    expect(JSON.parse(first.out)).toMatchObject({ done: 2, filled: 2, hits: 0, failed: [] });
    const second = await strata("warm", "--config", config, "--questions", questions);
    expect(second.out).toBe("2 asked: 0 new, 2 were there already, 0 failed.");
    expect(api.calls).toHaveLength(2);
    expect((await strata("warm", "--config", config)).code).toBe(2);
  });
});

describe("strata serve", () => {
  test("listens, tells where, and ends in order when it is told to", async () => {
    const api = await startDeepSeekStandIn({ delay: 0 });
    onTestFinished(() => api.close());
    const data = folder();
    const terminal = recordedTerminal();
    const running = runCommand(
      ["serve", "--port", "0", "--data", data, "--upstream", api.url, "--reranker", "lexical", "--json"],
      COMMANDS,
      terminal,
    );
    await expect.poll(() => terminal.outs.length, { timeout: 10_000 }).toBe(1);
    const { url } = JSON.parse(terminal.outs[0] ?? "") as { url: string };
    const ask = (): Promise<Response> =>
      fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: "Bearer sk-a" },
        body: JSON.stringify({ model: "deepseek-chat", messages: [{ role: "user", content: "What is a cache?" }] }),
      });
    await (await ask()).text();
    const second = await ask();
    expect(second.headers.get("x-strata-cache")).toBe("hit");
    await second.text();
    const secret = join(data, "serve-secret");
    expect(statSync(secret).mode & 0o777).toBe(0o600);
    expect(readFileSync(secret, "utf8").length).toBeGreaterThan(40);
    process.emit("SIGTERM");
    expect(await running).toBe(0);
    await expect(fetch(`${url}/health`)).rejects.toThrow();
  });

  test.each([
    [["--port", "http"], "--port"],
    [["--reranker", "magic"], "--reranker"],
    [["--embeddings", "magic"], "--embeddings"],
    [["--host", "0.0.0.0"], "token"],
    [["--share", "all"], "sharing"],
    [["--upstream", "ftp://x"], "upstream"],
  ])("refuses %j", async (args, named) => {
    const { code, notes } = await strata("serve", "--data", folder(), ...args);
    expect(code).toBe(2);
    expect(notes).toContain(named);
  });
});

test("a worker that is run once says that a server is away, and ends", async () => {
  const { code, notes } = await strata(
    "worker",
    "--once",
    "--redis",
    "redis://127.0.0.1:1",
    "--database",
    "postgres://127.0.0.1:1/app",
  );
  expect(code).toBe(1);
  expect(notes).toContain("Redis cannot be reached: connect ECONNREFUSED 127.0.0.1:1");
});
