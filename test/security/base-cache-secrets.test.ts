/**
 * LangChain hands a cache the API key, the headers and the organization of a model in clear text. None of it may be found again:
 * not in the keys, not in the files, not in events, statistics or errors.
 */
import { ChatDeepSeek } from "@langchain/deepseek";
import { ChatOpenAI } from "@langchain/openai";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { TieredCache } from "../../src/cache/tiered-cache.ts";
import { diskTier } from "../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import type { StrataEvent } from "../../src/core/events.ts";
import { startDeepSeekStandIn, type DeepSeekStandIn } from "../../src/testing/deepseek-stand-in/start.ts";
import { scriptedTier } from "../support/scripted-tier.ts";

const CANARY = "sk-canary-5f1c9a";

let standIn: DeepSeekStandIn;
beforeAll(async () => {
  standIn = await startDeepSeekStandIn({ delay: 0 });
});
beforeEach(() => standIn.reset());
afterAll(() => standIn.close());

interface Secrets {
  readonly apiKey?: string;
  readonly header?: string;
  readonly organization?: string;
}

interface Options {
  readonly model?: string;
  readonly temperature?: number;
  readonly path?: string;
}

function configuration(secrets: Secrets, path = ""): Record<string, unknown> {
  const { header = "Bearer none", organization = "org" } = secrets;
  return { baseURL: standIn.url + path, organization, defaultHeaders: { "x-gateway-authorization": header, cookie: header } };
}

const models = {
  ChatDeepSeek: (cache: TieredCache, { apiKey = "none", ...rest }: Secrets, { path, ...options }: Options = {}) =>
    new ChatDeepSeek({
      model: "deepseek-chat",
      cache,
      apiKey,
      maxRetries: 0,
      configuration: configuration(rest, path),
      ...options,
    }),
  ChatOpenAI: (cache: TieredCache, { apiKey = "none", ...rest }: Secrets, { path, ...options }: Options = {}) =>
    new ChatOpenAI({
      model: "deepseek-chat",
      cache,
      apiKey,
      maxRetries: 0,
      configuration: configuration(rest, path),
      ...options,
    }),
};
type ModelName = keyof typeof models;
const names = Object.keys(models) as ModelName[];

async function temporaryFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "strata-secrets-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe.each(names)("of %s", (name) => {
  test("no credential is in the keys, the files, the events, the statistics or the cache object", async () => {
    const path = await temporaryFolder();
    const events: StrataEvent[] = [];
    const spy = scriptedTier({ name: "spy" });
    const observer = (event: StrataEvent): void => void events.push(event);
    const cache = new TieredCache({ tiers: [memoryTier(), spy, diskTier({ path })], observer, compression: "none" });
    spy.script.get = () => {
      throw new Error("engine broke");
    };
    const secrets = { apiKey: CANARY, header: `Bearer ${CANARY}`, organization: `org-${CANARY}` };
    const model = models[name](cache, secrets);
    expect(model._getSerializedCacheKeyParametersForCall({})).toContain(CANARY);
    const { content } = await model.invoke("What is an order block?");
    await model.invoke("What is an order block?");
    await model
      .invoke([{ role: "user", content: [{ type: "image_url", image_url: { url: "https://example.com/a.png" } }] }])
      .catch(() => null);
    await cache.flush();
    expect(standIn.calls.length).toBeGreaterThan(0);
    const seen = JSON.stringify([[...spy.held], events, cache.stats()]) + inspect(cache, { depth: 12, showHidden: true });
    await cache.close();
    const files = await readdir(path, { recursive: true, withFileTypes: true });
    const contents = await Promise.all(
      files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name))),
    );
    const written = Buffer.concat(contents).toString("latin1");
    // The scan sees what is there.
    expect(written).toContain(/[a-z ]{20}/.exec(content as string)?.[0]);
    for (const form of [
      CANARY,
      Buffer.from(CANARY).toString("base64").slice(0, 16),
      Buffer.from(CANARY, "utf16le").toString("latin1"),
    ]) {
      expect(written.includes(form)).toBe(false);
    }
    expect(written.includes("Human: What is an order block?")).toBe(false);
    expect(seen).not.toContain(CANARY);
    expect([...spy.held.keys()]).toEqual([expect.stringMatching(/^[\w-]{43}$/)]);
  });

  test("another key, header or organization finds the same answers", async () => {
    const cache = new TieredCache({ tiers: [memoryTier()] });
    for (const secret of ["one", "two", "three"]) {
      await models[name](cache, { apiKey: secret, header: secret, organization: secret }).invoke("What is an order block?");
    }
    expect(standIn.calls).toHaveLength(1);
    await cache.close();
  });

  test("another model, temperature, base URL, tool, choice, format or stop text does not find them", async () => {
    const cache = new TieredCache({ tiers: [memoryTier()] });
    const make = (options?: Options): ReturnType<(typeof models)[ModelName]> => models[name](cache, {}, options);
    const tool = (property: string) => ({
      type: "function" as const,
      function: { name: "lookup", parameters: { type: "object", properties: { [property]: { type: "string" } } } },
    });
    const prompt = "Say hi, as json";
    const calls = [
      () => make().invoke(prompt),
      () => make({ model: "deepseek-v4-pro" }).invoke(prompt),
      () => make({ temperature: 0 }).invoke(prompt),
      () => make({ temperature: 0.5 }).invoke(prompt),
      () => make({ path: "/v1" }).invoke(prompt),
      () => make().invoke(prompt, { stop: ["\n"] }),
      () =>
        make()
          .bindTools([tool("token")])
          .invoke(prompt),
      () =>
        make()
          .bindTools([tool("secret")])
          .invoke(prompt),
      () =>
        make()
          .bindTools([tool("token")], { tool_choice: "none" })
          .invoke(prompt),
      () => make().invoke(prompt, { response_format: { type: "json_object" } }),
    ];
    await Promise.all(calls.map((call) => call()));
    expect(standIn.calls).toHaveLength(calls.length);
    expect(cache.stats()).toMatchObject({ hits: 0, misses: calls.length });
    await cache.close();
  });
});

test("the two classes do not share an answer, though they ask the same server for the same model", async () => {
  const cache = new TieredCache({ tiers: [memoryTier()] });
  for (const name of names) await models[name](cache, {}).invoke("hi");
  expect(standIn.calls).toHaveLength(2);
  await cache.close();
});
