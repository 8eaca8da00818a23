/** What a system does by itself by its config: the log, the page for Prometheus, the schedule; and the other parts that YAML can name. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createStrata } from "../../../src/create-strata.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { readConfig } from "../../../src/system/config/read-config.ts";
import type { StrataConfig } from "../../../src/system/config/strata-config.ts";
import type { Strata } from "../../../src/system/strata.ts";
import { ScriptedModel } from "../../support/scripted-model.ts";

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "strata-services-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** From a file of YAML, as an operator has it. */
async function fromYaml(yaml: string, variables: Record<string, string> = {}): Promise<Strata> {
  const file = join(folder(), "strata.yaml");
  writeFileSync(file, yaml);
  const strata = await createStrata(file, { variables });
  onTestFinished(() => strata.close());
  return strata;
}

async function withModel(config: StrataConfig): Promise<Strata> {
  const strata = await createStrata({ model: new ScriptedModel({ model: "scripted", reply: () => "yes" }), ...config });
  onTestFinished(() => strata.close());
  return strata;
}

describe("a log by config", () => {
  test("is lines of JSON in a file, added to, for its owner alone, and without a text of anybody's", async () => {
    const data = folder();
    const to = join(data, "logs", "strata.log");
    for (const round of [1, 2]) {
      const strata = await withModel({ data, observability: { log: { to, only: ["cache.lookup"] } } });
      await strata.chat(`What is the secret word of round ${round}?`);
      await strata.close();
    }
    const lines = readFileSync(to, "utf8").trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ type: "cache.lookup", at: expect.any(String) as string });
    expect(readFileSync(to, "utf8")).not.toContain("secret");
    expect(statSync(to).mode & 0o777).toBe(0o600);
  });

  test("that cannot be written is an error at the start, which names it", async () => {
    const data = folder();
    writeFileSync(join(data, "file"), "");
    const log = { to: join(data, "file", "strata.log") };
    await expect(createStrata({ data: join(data, "kept"), observability: { log } })).rejects.toThrow(
      `Option \`observability.log.to\` is "${log.to}"`,
    );
  });
});

describe("a page for Prometheus by config", () => {
  test("has the metrics at its path, for whoever brings the token, until the system is closed", async () => {
    const strata = await fromYaml("data: ${DATA}\nobservability: { prometheus: { port: 0, path: /strata, token: '${TOKEN}' } }", {
      DATA: folder(),
      TOKEN: "t0ken",
    });
    const url = strata.metricsUrl ?? "";
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/strata$/);
    await strata.cache.get("a", { scope: "global" });
    const headers = { authorization: "Bearer t0ken" };
    const page = await fetch(url, { headers });
    expect(page.headers.get("content-type")).toContain("text/plain");
    expect(await page.text()).toContain("# TYPE strata_");
    expect((await fetch(url)).status).toBe(401);
    expect((await fetch(`${url}x`, { headers })).status).toBe(404);
    expect((await fetch(url, { method: "POST", headers })).status).toBe(405);
    await strata.close();
    await expect(fetch(url, { headers })).rejects.toThrow("fetch failed");
  });

  test("on a port that is in use is an error at the start, and leaves nothing open", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    await expect(createStrata({ data: folder(), observability: { prometheus: { port } } })).rejects.toThrow(
      `\`observability.prometheus\`: Port ${port} of 127.0.0.1 is in use`,
    );
  });
});

describe("a schedule by config", () => {
  test("runs its tasks at their times, and tells", async () => {
    const clock = manualClock(Date.UTC(2026, 0, 1, 2, 59, 30));
    const data = folder();
    const backups = join(data, "backups");
    const told: string[] = [];
    const strata = await createStrata({
      ...{ data, clock },
      observer: (event) => void (event.type === "maintenance.job" && told.push(`${event.job} ${event.outcome}`)),
      maintenance: {
        timeZone: "UTC",
        jobs: [
          { task: "expired-entries", cron: "0 3 * * *" },
          { task: "automatic-backup", cron: "0 4 * * *", folder: backups, keepLast: 2 },
        ],
      },
    });
    onTestFinished(() => strata.close());
    await strata.cache.set("short", 1, { scope: "global", ttl: "10s" });
    await strata.cache.flush();
    expect(strata.schedule?.next()).toEqual({
      "expired-entries": Date.UTC(2026, 0, 1, 3),
      "automatic-backup": Date.UTC(2026, 0, 1, 4),
    });
    await clock.advance(31_000);
    await expect.poll(() => told).toContain("expired-entries complete");
    expect(existsSync(backups)).toBe(false);
    await strata.schedule?.runNow("automatic-backup");
    expect(readdirSync(backups).filter((name) => name !== ".gitignore")).toEqual([
      expect.stringMatching(/^strata-2026-01-01T03-.*\.backup$/),
    ]);
    await strata.close();
  });

  test("is not there without jobs", async () => {
    const strata = await createStrata({ data: folder() });
    expect(strata.schedule).toBeUndefined();
    expect(strata.metricsUrl).toBeUndefined();
    await strata.close();
  });
});

test("prompts and rerankers of a file of YAML are the system's", async () => {
  const strata = await fromYaml(
    [
      "data: ${DATA}",
      "prompts:",
      "  sets: [trading]",
      "  partials: { house: 'Answer briefly.' }",
      "  templates:",
      "    - { name: risk, system: '{house} You look after {desk}.', user: '{question}' }",
      "rerank:",
      "  reranker: [{ provider: tei, baseURL: 'http://127.0.0.1:9' }, lexical]",
      "  candidates: 20",
      "  policy: { share: 0, minHistory: 1, explore: 0, tiers: { pro: 1 } }",
    ].join("\n"),
    { DATA: folder() },
  );
  expect(strata.prompts.list().map(({ name }) => name)).toContain("risk");
  const prompt = await strata.prompts.get("risk").formatMessages({ desk: "FX", question: "Why?" } as never);
  expect(prompt[0]?.text).toMatch(/^Answer briefly\. You look after FX\./);
  await strata.addContext(["Gaps are filled more often than not.", "A stop order limits the loss.", "Order blocks are zones."]);
  // The server of the first reranker is away: the second one answers.
  const found = await strata.search("stop order loss", { k: 2 });
  expect(found[0]?.metadata).toMatchObject({ rerank: { score: expect.any(Number) as number } });
});

describe("what the config says of these", () => {
  const job = { task: "expired-entries", cron: "0 3 * * *" };
  test.each<[string, object, string]>([
    ["a misspelt log", { observability: { logs: "stdout" } }, "(did you mean `log`?)"],
    [
      "a log to nowhere",
      { observability: { log: "syslog" } },
      'Option `observability.log` is "syslog"; accepted: "stdout", "stderr".',
    ],
    ["a log without a place", { observability: { log: { messages: true } } }, "Option `observability.log.to` is undefined"],
    ["a filter that is none", { observability: { log: { to: "stdout", only: "rerank" } } }, "Option `observability.log.only`"],
    [
      "a port that is none",
      { observability: { prometheus: { port: 70_000 } } },
      "Option `observability.prometheus.port` is 70000",
    ],
    ["a path without its slash", { observability: { prometheus: { path: "metrics" } } }, 'a path that begins with "/"'],
    [
      "a page for all without a token",
      { observability: { prometheus: { host: "0.0.0.0" } } },
      "Option `observability.prometheus.token`",
    ],
    ["a page of nothing", { observability: { metrics: false, prometheus: true } }, "where `observability.metrics` is false"],
    ["jobs that are none", { maintenance: { jobs: {} } }, "Option `maintenance.jobs`"],
    ["a task that is none", { maintenance: { jobs: [{ ...job, task: "cleanup" }] } }, "Option `maintenance.jobs[0].task`"],
    ["a misspelt time", { maintenance: { jobs: [{ ...job, crom: "x" }] } }, "(did you mean `cron`?)"],
    ["no time", { maintenance: { jobs: [{ task: "expired-entries" }] } }, "Option `maintenance.jobs[0].cron` is undefined"],
    [
      "a time that is none",
      { maintenance: { jobs: [job, { ...job, name: "b", cron: "at noon" }] } },
      "Option `maintenance.jobs[1].cron`",
    ],
    ["a place without time", { maintenance: { timeZone: "Lisbon", jobs: [job] } }, 'timeZone` is "Lisbon"'],
    [
      "an option of another task",
      { maintenance: { jobs: [{ ...job, olderThan: "3d" }] } },
      "Option `maintenance.jobs[0].olderThan`",
    ],
    ["an age that is missing", { maintenance: { jobs: [{ task: "unused-entries", cron: "0 3 * * *" }] } }, 'such as "30d"'],
    ["a unit that is none", { maintenance: { jobs: [{ ...job, time: "3 parsecs" }] } }, "Option `maintenance.jobs[0].time`"],
    ["two jobs of one name", { maintenance: { jobs: [job, job] } }, "a name that no other job has"],
    ["leases of nobody", { maintenance: { leases: "redis", jobs: [job] } }, '"process", unless `redis` is given'],
    ["no rerankers", { rerank: { reranker: [] } }, "at least one reranker"],
    ["a reranker that is none", { rerank: { reranker: "cohere" } }, 'accepted: "lexical", "late-interaction"'],
    [
      "a provider without its key",
      { rerank: { reranker: { provider: "jina" } } },
      "Option `rerank.reranker.apiKey` is undefined",
    ],
    [
      "a server that is nowhere",
      { rerank: { reranker: [{ provider: "tei" }] } },
      "Option `rerank.reranker[0].baseURL` is undefined",
    ],
  ])("%s is refused by name", (_what, config, message) => {
    expect(() => readConfig(config)).toThrow(message);
    expect(() => readConfig(config)).toThrow(expect.objectContaining({ code: "CONFIG" }));
  });

  test("no message shows a key in the wrong place", () => {
    const wrong = { rerank: { reranker: { provider: "jina", apikey: "sk-s3cret" } } };
    expect(() => readConfig(wrong)).toThrow("did you mean `apiKey`?");
    expect(() => readConfig(wrong)).not.toThrow("s3cret");
  });
});
