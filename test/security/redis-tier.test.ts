/** What an attacker who chooses scopes, tags, prompts or keys can reach in Redis, and what somebody who reads along can learn. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { TieredCache } from "../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import { redisTier } from "../../src/cache/tiers/redis.ts";
import type { Scope } from "../../src/core/scope.ts";
import { startRedis } from "../support/servers/routes.ts";
import type { TestServer } from "../support/servers/test-server.ts";

const CANARY = "sk-canary-0123456789abcdef";
const LLM_KEY = JSON.stringify({ _type: "openai", model_name: "m", apiKey: CANARY, configuration: { apiKey: CANARY } });

const HOSTILE: readonly string[] = [
  ...["*", "?", "[a-z]", "[^x]", "a*", "\\", "\\*", ":", "::", "a:b", "{}", "{a}", "}{", '" || 1', "' OR 1=1 --", "$1", "%", "_"],
  ...[
    "\r\nFLUSHALL\r\n",
    "*1\r\n$8\r\nFLUSHALL\r\n",
    "a b",
    "a\nb",
    "strata:v:*",
    "strata:d",
    "strata:log",
    "__proto__",
    "s",
    "t",
    "é",
    "\ud800",
  ],
];

let server: TestServer;
let redis: Redis;
let cache: TieredCache;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  // Without a memory tier: what is found was in Redis.
  cache = new TieredCache({ tiers: [redisTier({ client: server.url, deadline: "2s" })], modelId: "m", coalesce: false });
  return () => cache.close();
});

/** Tags and parts of a scope may not hold control characters or broken characters; such calls are refused before Redis is asked. */
async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    expect(error).toMatchObject({ name: "StrataConfigError" });
    return undefined;
  }
}

describe("another scope", () => {
  test.each(HOSTILE)("is out of reach for a tenant called %j", async (name) => {
    const victim: Scope = { tenant: "victim" };
    await cache.set("kept", "of the victim", { scope: victim, tags: ["red"] });
    await cache.set("kept", "of everybody", { tags: ["red"] });
    await cache.flush();
    for (const scope of [{ tenant: name }, { user: name }, { tenant: "victim", user: name }] satisfies Scope[]) {
      expect(await attempt(() => cache.get("kept", { scope }))).toBeUndefined();
      await attempt(() => cache.set("kept", "of the attacker", { scope, tags: ["red"] }));
      await cache.flush();
      await attempt(() => cache.clear({ scope }));
      await attempt(() => cache.clear({ scope, tag: "red" }));
    }
    await attempt(() => cache.clear({ scope: { tenant: "attacker" }, tag: name }));
    await attempt(() => cache.clear({ tag: name }));
    await attempt(() => cache.forget({ tenant: name }));
    expect(await cache.get("kept", { scope: victim })).toBe("of the victim");
    expect(await cache.get("kept")).toBe("of everybody");
  });

  test("is out of reach for any two scopes and tags", async () => {
    const word = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" }));
    await fc.assert(
      fc.asyncProperty(word, word, word, async (one, other, tag) => {
        fc.pre(one !== other);
        const [mine, theirs] = [{ tenant: one }, { tenant: other }];
        const values = async (): Promise<unknown[]> => [
          await cache.get("k", { scope: mine }),
          await cache.get("k", { scope: theirs }),
        ];
        const accepted = await attempt(async () => {
          await cache.set("k", "mine", { scope: mine });
          await cache.set("k", "theirs", { scope: theirs, tags: [tag] });
          await cache.flush();
          return true;
        });
        if (accepted === true) {
          expect(await values()).toEqual(["mine", "theirs"]);
          await cache.clear({ scope: mine, tag });
          expect(await values()).toEqual(["mine", "theirs"]);
          await cache.clear({ tag });
          expect(await values()).toEqual(["mine", undefined]);
          await cache.clear({ scope: theirs });
          expect(await values()).toEqual(["mine", undefined]);
          await cache.forget(mine);
          expect(await values()).toEqual([undefined, undefined]);
        }
        await cache.clear();
      }),
      { numRuns: 60 },
    );
  });
});

/** Every command that the server gets while `work` runs, those that its scripts give included. */
async function monitored(work: () => Promise<unknown>): Promise<string[][]> {
  const monitor = await redis.monitor();
  const commands: string[][] = [];
  monitor.on("monitor", (_time: string, args: string[]) => void commands.push(args));
  await work();
  // What comes from one server comes in the order in which it was done.
  await redis.echo("the end");
  const end = (): number => commands.findIndex((args) => args[1] === "the end");
  await expect.poll(end).toBeGreaterThanOrEqual(0);
  monitor.disconnect();
  return commands.slice(0, end());
}

const NAME = /^strata:(?:[vl]:[\w-]{43}|i:s|i:[st][\w-]{43}|d|log)$/;

describe("somebody who reads along", () => {
  test("sees hashed names, and no text of a caller in any of them", async () => {
    const secrets = ["secret-tenant", "secret-user", "secret-tag", "secret-key", "secret prompt", CANARY];
    const scope = { tenant: "secret-tenant", user: "secret-user" };
    const commands = await monitored(async () => {
      await cache.set("secret-key", 1, { scope, tags: ["secret-tag"] });
      await cache.lookup("secret prompt", LLM_KEY);
      await cache.update("secret prompt", LLM_KEY, [{ text: "an answer" }]);
      await cache.flush();
      await cache.get("secret-key", { scope });
      await cache.clear({ scope, tag: "secret-tag" });
      await cache.invalidate("secret-*");
      await cache.forget({ tenant: "secret-tenant" });
      await cache.clear();
    });
    const names = commands.flatMap(withoutValue);
    expect(names.length).toBeGreaterThan(50);
    for (const secret of secrets) expect(names.filter((name) => name.includes(secret))).toEqual([]);
    const keys = names.filter((name) => name.startsWith("strata:"));
    expect(keys.length).toBeGreaterThan(10);
    expect(keys.filter((key) => !NAME.test(key))).toEqual([]);
  });
});

/** What a command says apart from the value that it stores: that is stored as it is, with its tags. */
function withoutValue(args: readonly string[]): string[] {
  const [command = "", ...rest] = args;
  if (/^set$/i.test(command)) return [rest[0] ?? ""];
  if (!/^eval/i.test(command)) return rest;
  const keys = Number(rest[1]);
  return [...rest.slice(2, 2 + keys), ...rest.slice(3 + keys)];
}

describe("a user who may do no more than the documentation asks for", () => {
  test("is enough for everything", async () => {
    const page = readFileSync(new URL("../../docs/operations/redis-client-settings.md", import.meta.url), "utf8");
    const commands = (/\| ACL \|(.*)\|\s*`KEYS`/.exec(page)?.[1] ?? "").match(/\+[a-z]+/g) ?? [];
    expect(commands.length).toBeGreaterThan(15);
    await redis.call("acl", "setuser", "tier", "reset", "on", ">secret", "~strata:*", ...commands);
    const faults: string[] = [];
    const limited = new TieredCache({
      tiers: [
        memoryTier(),
        redisTier({ client: new Redis(server.url, { username: "tier", password: "secret", lazyConnect: true }), deadline: "2s" }),
      ],
      modelId: "m",
      observer: (event) => void (event.type === "tier.fault" && faults.push(event.message)),
    });
    for (let index = 0; index < 200; index++)
      await limited.set(`key ${index}`, index, { tags: ["red"], scope: { tenant: `${index % 3}` } });
    await limited.flush();
    expect(await limited.lookup("prompt", LLM_KEY)).toBeNull();
    await limited.update("prompt", LLM_KEY, [{ text: "an answer" }]);
    await limited.invalidate("re*");
    await limited.forget({ tenant: "1" });
    await limited.clear({ tag: "red" });
    expect(await limited.lookup("left open", LLM_KEY)).toBeNull();
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    await limited.close();
    expect(faults).toEqual([]);
    const refused = (await redis.call("acl", "log")) as unknown[];
    expect(refused.map((entry) => JSON.stringify(entry))).toEqual([]);
  });
});

describe("the database on disk", () => {
  test("holds no credential of the model", async () => {
    const full = new TieredCache({ tiers: [memoryTier(), redisTier({ client: server.url, deadline: "2s" })], modelId: "m" });
    for (let index = 0; index < 5; index++) {
      expect(await full.lookup(`prompt ${index}`, LLM_KEY)).toBeNull();
      await full.update(`prompt ${index}`, LLM_KEY, [{ text: `findable-answer-${index}` }]);
    }
    await full.close();
    const dump = await everythingOnDisk();
    expect(dump.includes(CANARY)).toBe(false);
    expect(dump.includes("prompt 1")).toBe(false);
    // The dump is the right one, and is not compressed beyond reading.
    expect(dump.includes("findable-answer")).toBe(true);
  });
});

/** The RDB file; where the server lies in a container, what would be in it: each key with its value as it is dumped. */
async function everythingOnDisk(): Promise<Buffer> {
  await redis.call("save");
  const [, directory = ""] = (await redis.config("GET", "dir")) as string[];
  const [, name = ""] = (await redis.config("GET", "dbfilename")) as string[];
  const file = join(directory, name);
  if (existsSync(file)) return readFileSync(file);
  const keys = await redis.keys("*");
  const dumped = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  return Buffer.concat([...keys.map((key) => Buffer.from(key)), ...dumped.map((value) => value ?? Buffer.alloc(0))]);
}
