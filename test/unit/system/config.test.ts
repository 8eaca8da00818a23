import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { EVENT_TYPES } from "../../../src/core/event-types.ts";
import { StrataConfigError } from "../../../src/core/errors.ts";
import { createStrata } from "../../../src/create-strata.ts";
import { readConfigFile } from "../../../src/system/config/config-file.ts";
import { PRESETS } from "../../../src/system/config/presets.ts";
import { readConfig } from "../../../src/system/config/read-config.ts";

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "strata-config-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function file(name: string, text: string): string {
  const path = join(folder(), name);
  writeFileSync(path, text);
  return path;
}

describe("a config", () => {
  test("may say nothing: the preset `development` is under it", () => {
    expect(readConfig({})).toEqual({ data: ".strata", ...PRESETS.development });
  });

  test("stands over its preset, section by section and tier by tier", () => {
    const { cache, chat } = readConfig({ preset: "production", cache: { ttl: "2h", memory: { eviction: "lru" }, disk: false } });
    expect(cache).toEqual({ memory: { maxBytes: "512mb", eviction: "lru" }, disk: false, ttl: "2h", stale: "1h" });
    expect(chat).toEqual({ deadline: "2m" });
  });

  test("a tier of the preset that is switched on keeps the preset's size", () => {
    expect(readConfig({ cache: { disk: true } }).cache.disk).toEqual({ maxBytes: "1gb" });
  });

  test.each<[string, unknown, string]>([
    [
      "a wrong key",
      { cahce: {} },
      "Option `cahce` is an object (Object); accepted: one of the keys preset, data, model, cache, ",
    ],
    ["the nearest key", { cahce: {} }, "did you mean `cache`?"],
    ["a wrong key inside", { cache: { disk: { maxByte: "1gb" } } }, "Option `cache.disk.maxByte`"],
    ["the nearest key inside", { cache: { disk: { maxByte: "1gb" } } }, "did you mean `maxBytes`?"],
    [
      "a wrong unit of size",
      { cache: { disk: { maxBytes: "10 gigs" } } },
      'Option `cache.disk.maxBytes` is "10 gigs"; accepted: a number of bytes',
    ],
    [
      "a wrong unit of time",
      { cache: { ttl: "1 fortnight" } },
      'Option `cache.ttl` is "1 fortnight"; accepted: a number of milliseconds',
    ],
    ["a wrong type of section", { cache: 3 }, "Option `cache` is 3; accepted: a section with these keys: ttl, "],
    [
      "a model as createAgent takes it",
      { model: "deepseek:deepseek-reasoner" },
      'Option `model` is "…"; accepted: a chat model, or { provider: "deepseek", model: "deepseek-reasoner" }.',
    ],
    [
      "a switch that YAML reads as a text",
      { cache: { semantic: "yes" } },
      'Option `cache.semantic` is "…"; accepted: true, false, or a section with these keys: policy, ',
    ],
    [
      "a section that is empty in YAML",
      { history: null },
      "Option `history` is null; accepted: a section with these keys: window, ",
    ],
    [
      "a wrong type of value",
      { history: { window: "many" } },
      'Option `history.window` is "many"; accepted: a whole number of at least 1.',
    ],
    ["a wrong preset", { preset: "prod" }, 'Option `preset` is "prod"; accepted: "development", "production".'],
    [
      "a wrong eviction",
      { cache: { memory: { eviction: "fifo" } } },
      'Option `cache.memory.eviction` is "fifo"; accepted: "lru", ',
    ],
    ["a wrong scope", { cache: { scope: "everyone" } }, 'Option `cache.scope` is "everyone"; accepted: "global", "owner".'],
    [
      "tiers and a tier",
      { cache: { tiers: [], disk: true } },
      "Option `cache.disk` is true; accepted: nothing beside `cache.tiers`.",
    ],
    [
      "a model that is none",
      { model: { provider: "acme", model: "m" } },
      'Option `model.provider` is "acme"; accepted: "deepseek", "openai".',
    ],
    [
      "a model without a name",
      { model: { provider: "deepseek" } },
      "Option `model.model` is undefined; accepted: the name of the model",
    ],
    [
      "a durability without Redis",
      { history: { durability: "redis" } },
      'Option `history.durability` is "redis"; accepted: "postgres", unless',
    ],
    [
      "an overlap as long as half the chunk",
      { documents: { chunkSize: 100, chunkOverlap: 50 } },
      "Option `documents.chunkOverlap` is 50; accepted: less",
    ],
    ["embeddings that are none", { embeddings: "ada" }, 'Option `embeddings` is "ada"; accepted: "static", "minilm".'],
    [
      "a policy that is none",
      { cache: { semantic: { policy: "exact" } } },
      'Option `cache.semantic.policy` is "exact"; accepted: "calibrated", "static".',
    ],
    [
      "a similarity beside the policy that has none, which is the default",
      { cache: { semantic: { similarity: 0.8 } } },
      'Option `cache.semantic.similarity` is 0.8; accepted: nothing, unless `policy` is "static".',
    ],
    [
      "a threshold to adapt from beside the calibrated policy",
      { cache: { semantic: { policy: "calibrated", adaptFrom: 0.7 } } },
      'Option `cache.semantic.adaptFrom` is 0.7; accepted: nothing, unless `policy` is "static".',
    ],
    [
      "a promise beside the policy that gives none",
      { cache: { semantic: { policy: "static", maxWrongHits: 0.02 } } },
      'Option `cache.semantic.maxWrongHits` is 0.02; accepted: nothing, unless `policy` is "calibrated".',
    ],
    [
      "a log of events that there are not",
      { observability: { log: { to: "stdout", only: ["tier.fault", "cache.lookpu"] } } },
      'Option `observability.log.only` is "cache.lookpu"; accepted: types of events: cache.lookup, ',
    ],
    [
      "the nearest type of events",
      { observability: { log: { to: "stdout", only: ["cache.lookpu"] } } },
      "did you mean `cache.lookup`?",
    ],
    [
      "a strategy that is none",
      { memory: { strategy: "psychic" } },
      'Option `memory.strategy` is "psychic"; accepted: "auto", "session_only", ',
    ],
    [
      "a time zone that is none",
      { memory: { timeZone: "Mars/Olympus" } },
      'Option `memory.timeZone` is "Mars/Olympus"; accepted: the IANA name of a time zone',
    ],
    ["a config that is a list", [], "Option `config` is an array of 0; accepted: a section with these keys: preset, "],
  ])("is refused with what is accepted: %s", (_what, config, message) => {
    expect(() => readConfig(config)).toThrow(message);
    expect(() => readConfig(config)).toThrow(expect.objectContaining({ name: "StrataConfigError", code: "CONFIG" }));
  });

  test.each([
    ["redis", "http://:s3cret@cache:6379"],
    ["redis", "redis:s3cret"],
    ["postgres", "mysql://app:s3cret@db/app"],
    ["postgres", "postgres://app:s3cret@:bad:port/app"],
  ])("no message shows a password in `%s`", (name, url) => {
    expect(() => readConfig({ [name]: url })).toThrow(`Option \`${name}\` is `);
    expect(() => readConfig({ [name]: url })).not.toThrow("s3cret");
  });

  test("no message shows a key that stands in the wrong place", () => {
    expect(() => readConfig({ model: { provider: "deepseek", model: "m", api_key: "sk-s3cret" } })).toThrow(
      "did you mean `apiKey`?",
    );
    expect(() => readConfig({ model: { provider: "deepseek", model: "m", api_key: "sk-s3cret" } })).not.toThrow("s3cret");
  });

  test("tunes its cache within bounds, which are checked against the preset's life", async () => {
    const tuning = { mode: "advise", budget: "2gb", ttl: { max: "30d" }, tiers: { memory: { maxBytes: "256mb" } } } as const;
    const strata = await createStrata({ data: folder(), cache: { tuning } });
    onTestFinished(() => strata.close());
    expect(strata.cache.tuning.mode).toBe("advise");
    const other = await createStrata({ data: folder(), cache: {} });
    onTestFinished(() => other.close());
    expect(other.cache.tuning.mode).toBe("off");
    expect(() => readConfig({ cache: { tuning: "on" } })).toThrow(
      'Option `cache.tuning.mode` is "on"; accepted: "off", "advise", "apply".',
    );
    expect(() => readConfig({ cache: { tuning: { ttl: { max: "1d" } } } })).toThrow("Option `cache.tuning.ttl.max`");
  });

  test.each<[string, unknown]>([
    ["memory.k", { memory: { k: 5_000 } }],
    ["cache.compression", { cache: { compression: "lzma" } }],
    ["cache.quota.bytesPerScope", { cache: { quota: { bytesPerScope: "many" } } }],
    ["cache.rollout.traffic", { cache: { rollout: { traffic: 3 } } }],
    ["cache.scope.tenant", { cache: { scope: { tenant: 3 } } }],
    ["cache.tiers", { cache: { tiers: [] } }],
    ["cache.semantic.verifier", { cache: { semantic: { verifier: 3 } } }],
    ["cache.redis.prefix", { redis: "redis://127.0.0.1:1", cache: { redis: { prefix: "x".repeat(201) } } }],
    ["history.prefix", { redis: "redis://127.0.0.1:1", history: { prefix: "{x}" } }],
    ["rerank.policy.share", { rerank: { policy: { share: 4 } } }],
    ["prompts.partials.a", { prompts: { partials: { a: 3 } } }],
    ["prompts.templates a: user", { prompts: { templates: [{ name: "a" }] } }],
    ["observability.prices.dollars", { observability: { prices: { dollars: 3 } } }],
    ["observability.alerts.every", { observability: { alerts: { every: "often" } } }],
    ["observability.alerts.rules.a.metric", { observability: { alerts: { rules: [{ name: "a", metric: "luck", above: 1 }] } } }],
    ["observability.alerts.webhook.url", { observability: { alerts: { webhook: { url: "nowhere" } } } }],
    ["observability.prometheus.prefix", { observability: { prometheus: { prefix: "9 x", port: 0 } } }],
    ["encryption.keys.keys.a", { encryption: { keys: { current: "a", keys: { a: "short" } } } }],
  ])("names from the top what a part of it refuses: %s", async (option, config) => {
    const refused = createStrata({ data: folder(), ...(config as object) });
    await expect(refused).rejects.toThrow(`Option \`${option}\` is `);
    await expect(refused).rejects.toMatchObject({ name: "StrataConfigError", code: "CONFIG", option });
  });

  test("a log of some events may name any type that there is", () => {
    expect(EVENT_TYPES.length).toBeGreaterThan(20);
    expect(() => readConfig({ observability: { log: { to: "stdout", only: EVENT_TYPES } } })).not.toThrow();
  });

  test("that is refused has made nothing", async () => {
    const data = join(folder(), "data");
    await expect(createStrata({ data, cache: { disk: { maxBytes: "10 gigs" as "10gb" } } })).rejects.toThrow(
      "cache.disk.maxBytes",
    );
    expect(readdirSync(join(data, ".."))).toEqual([]);
  });
});

describe("a config in a file", () => {
  const YAML = `
preset: production
cache:
  ttl: 1h
  disk: { maxBytes: 10gb }
redis: \${REDIS_URL}
model: { provider: deepseek, model: deepseek-reasoner, apiKey: "\${KEY}" }
`;

  test("is read as YAML or JSON, with the caller's values in their places", async () => {
    const variables = { REDIS_URL: "redis://localhost:6379", KEY: "${REDIS_URL}" };
    const fromYaml = readConfig(await readConfigFile(file("strata.yaml", YAML), variables));
    expect(fromYaml.cache).toMatchObject({ ttl: "1h", stale: "1h", disk: { maxBytes: "10gb" } });
    expect(fromYaml.redis).toBe("redis://localhost:6379");
    // What is filled in is not read again.
    expect(fromYaml.model).toMatchObject({ apiKey: "${REDIS_URL}" });
    const json = file("strata.json", JSON.stringify({ cache: { ttl: "1h" } }));
    expect(readConfig(await readConfigFile(json, {})).cache.ttl).toBe("1h");
  });

  test("reads no environment: a variable that was not handed in is named", async () => {
    const path = file("strata.yaml", YAML);
    await expect(createStrata(path)).rejects.toThrow('Option `redis` is "${REDIS_URL}"; accepted: a variable that was handed in');
    const inherited = createStrata(file("x.yaml", "data: ${toString}"), { variables: {} });
    await expect(inherited).rejects.toThrow("Option `data`");
  });

  test.each([
    ["strata.yaml", "cache: [", "a file of YAML ("],
    ["strata.yml", "cache: {}\ncache: {}\n", "a file of YAML (Map keys must be unique"],
    ["strata.json", "{", "a file of JSON ("],
    ["strata.yaml", "cache: &a\n  memory: *a\n", "a file that is at most 64 levels deep"],
    ["strata.yaml", "model:\n  apiKey: !hunter2 x\n", "a file of YAML (A tag cannot be resolved at line 2)"],
    ["strata.toml", "", "the path of a file that ends in .yaml, .yml, .json"],
  ])("that is broken is refused: %s %#", async (name, text, message) => {
    await expect(createStrata(file(name, text))).rejects.toThrow(message);
  });

  test.each([
    ["x.json", '{"model": {"apiKey": hunter2secret}}'],
    ["x.yaml", "model:\n  apiKey: *hunter2secret\n"],
    ["x.yaml", "model:\n  apiKey: !hunter2secret! x\n"],
    ["x.yaml", "model:\n  apiKey: |hunter2secret\n"],
    ["x.yaml", "redis: hunter2secret\n"],
    ["x.yaml", "redis: hunter2secret:x@host\n"],
  ])("that is broken is not quoted: %s %#", async (name, text) => {
    const refused = (await createStrata(file(name, text)).catch((error: unknown) => error)) as Error;
    expect(refused).toBeInstanceOf(StrataConfigError);
    expect(refused.message).not.toContain("hunter2");
  });

  test("that is not there is refused", async () => {
    await expect(createStrata(join(folder(), "none.yaml"))).rejects.toThrow("the path of a file that can be read (ENOENT)");
  });
});
