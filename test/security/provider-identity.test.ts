import { rm, mkdtemp, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChatAnthropic } from "@langchain/anthropic";
import { ChatCohere } from "@langchain/cohere";
import { ChatDeepSeek } from "@langchain/deepseek";
import { ChatGoogleGenerativeAI } from "@langchain/google-genai";
import { ChatGroq } from "@langchain/groq";
import { ChatMistralAI } from "@langchain/mistralai";
import { ChatOllama } from "@langchain/ollama";
import { AzureChatOpenAI, ChatOpenAI } from "@langchain/openai";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage } from "@langchain/core/messages";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cacheModel, diskTier, memoryTier, TieredCache, type StrataEvent } from "../../src/index.ts";
import { chatAnswer, textOf } from "../support/model-answers.ts";

/** Where a credential of a made-up user would be seen, were it anywhere. */
const CANARY = "sk-CANARY-4f1d0b7e2a";
const ROTATED = "sk-CANARY-99c3e5d811";

type Make = (model: string, key: string) => BaseChatModel;

/** The classes of providers, as users make them; credentials at every place that the class has for one. */
const CLASSES: readonly (readonly [string, Make])[] = [
  [
    "OpenAI",
    (model, key) =>
      new ChatOpenAI({
        model,
        apiKey: key,
        configuration: { defaultHeaders: { "X-Api-Key": key, Authorization: `Bearer ${key}` } },
      }),
  ],
  [
    "DeepSeek",
    (model, key) =>
      new ChatDeepSeek({ model, apiKey: key, configuration: { defaultHeaders: { Authorization: `Bearer ${key}` } } }),
  ],
  [
    "Azure OpenAI",
    (model, key) =>
      new AzureChatOpenAI({
        azureOpenAIApiKey: key,
        azureOpenAIApiInstanceName: "instance",
        azureOpenAIApiDeploymentName: model,
        azureOpenAIApiVersion: "2026-01-01",
      }),
  ],
  [
    "Anthropic",
    (model, key) =>
      new ChatAnthropic({ model, apiKey: key, clientOptions: { defaultHeaders: { "x-api-key": key }, authToken: key } }),
  ],
  ["Ollama", (model, key) => new ChatOllama({ model, headers: { Authorization: `Bearer ${key}` } })],
  ["Groq", (model, key) => new ChatGroq({ model, apiKey: key, defaultHeaders: { Authorization: key } })],
  ["Mistral", (model, key) => new ChatMistralAI({ model, apiKey: key })],
  ["Cohere", (model, key) => new ChatCohere({ model, apiKey: key })],
  ["Google", (model, key) => new ChatGoogleGenerativeAI({ model, apiKey: key, customHeaders: { "x-goog-api-key": key } })],
];

/**
 * What LangChain gives to a `BaseCache` for providers whose packages are not installed here, recorded from @langchain/aws 1.4.5,
 * @langchain/openrouter 0.4.11, @langchain/xai 1.4.15 and @langchain/google 0.2.6.
 */
const RECORDED: readonly (readonly [string, (model: string, key: string) => string])[] = [
  ["Bedrock Converse", () => '_model:"base_chat_model",_type:"chat_bedrock_converse",stop:["x"]'],
  ["OpenRouter", () => '_model:"base_chat_model",_type:"openrouter",stop:["x"]'],
  ["Google (new package)", () => '_model:"base_chat_model",_type:"google",stop:["x"]'],
  [
    "xAI",
    (model, key) =>
      `_model:"base_chat_model",_type:"xai",apiKey:"${key}",baseURL:"https://api.x.ai/v1",dangerouslyAllowBrowser:true,` +
      `model:"${model}",model_name:"${model}",stop:["x"],stream:false,temperature:0.1`,
  ],
];

let folder: string;
let cache: TieredCache;
let events: StrataEvent[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "strata-canary-"));
  events = [];
  cache = new TieredCache({
    tiers: [memoryTier(), diskTier({ path: folder })],
    observer: (event) => events.push(event),
    compression: "none",
  });
});

afterEach(async () => {
  await cache.close();
  await rm(folder, { recursive: true, force: true });
});

/** Fails when a credential is in any stored byte, event or statistic. */
async function expectNoCredential(): Promise<void> {
  await cache.flush();
  const shown = JSON.stringify([events, cache.stats()]);
  await cache.close();
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const stored = await Promise.all(
    files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), "latin1")),
  );
  expect(stored.some((bytes) => bytes.includes("an answer"))).toBe(true);
  for (const text of [shown, ...stored]) expect(text).not.toContain("CANARY");
}

/** The model, but that it answers without a network. */
function answering(model: BaseChatModel, answer: string, calls: string[] = []): BaseChatModel {
  model._generate = async () => {
    calls.push(answer);
    return { generations: [{ text: answer, message: new AIMessage(answer) }] };
  };
  return model;
}

describe.each(CLASSES)("%s as a cached model", (_name, make) => {
  it("never shares an answer between two models of the provider", async () => {
    const calls: string[] = [];
    const ask = async (model: string): Promise<string> =>
      (await cacheModel(answering(make(model, CANARY), `an answer of ${model}`, calls), { cache }).invoke("Who are you?")).text;
    expect([await ask("m-1"), await ask("m-2"), await ask("m-1")]).toEqual([
      "an answer of m-1",
      "an answer of m-2",
      "an answer of m-1",
    ]);
    expect(calls).toHaveLength(2);
  });

  it("keeps its answers when the key changes, and no key anywhere", async () => {
    const calls: string[] = [];
    const ask = (key: string): Promise<AIMessage> =>
      cacheModel(answering(make("m-1", key), "an answer", calls), { cache }).invoke("Who are you?");
    await ask(CANARY);
    await ask(ROTATED);
    expect(calls).toHaveLength(1);
    await expectNoCredential();
  });
});

describe.each(CLASSES)("%s with a cache in its cache field", (_name, make) => {
  const keyOf = (model: string, key: string): string => make(model, key)._getSerializedCacheKeyParametersForCall({ stop: ["x"] });

  it("never shares an answer between two models of the provider", async () => {
    await cache.update("Human: hi", keyOf("m-1", CANARY), chatAnswer("an answer of m-1"));
    const found = textOf(await cache.lookup("Human: hi", keyOf("m-2", CANARY)));
    expect(found).toBeUndefined();
  });

  it("keeps its answers when the key changes, or keeps none; and no key anywhere", async () => {
    await cache.update("Human: hi", keyOf("m-1", CANARY), chatAnswer("an answer"));
    const isIdentified = cache.stats().bypassed["model-unidentified"] === undefined;
    const found = textOf(await cache.lookup("Human: hi", keyOf("m-1", ROTATED)));
    expect(found).toBe(isIdentified ? "an answer" : undefined);
    await cache.set("something", "an answer");
    await expectNoCredential();
  });
});

describe.each(RECORDED)("%s with a cache in its cache field, as recorded", (_name, keyOf) => {
  it("never shares an answer between two models of the provider", async () => {
    await cache.update("Human: hi", keyOf("m-1", CANARY), chatAnswer("an answer of m-1"));
    expect(textOf(await cache.lookup("Human: hi", keyOf("m-2", CANARY)))).toBeUndefined();
  });

  it("keeps no key anywhere", async () => {
    await cache.update("Human: hi", keyOf("m-1", CANARY), chatAnswer("an answer"));
    await cache.set("something", "an answer");
    await expectNoCredential();
  });
});

describe("providers with a cache in the cache field", () => {
  it("are cached where LangChain names the model, and only there", async () => {
    const named = async (key: string): Promise<boolean> => {
      await cache.update("Human: hi", key, chatAnswer("an answer"));
      return (await cache.lookup("Human: hi", key)) !== null;
    };
    const outcome: Record<string, boolean> = {};
    for (const [name, make] of CLASSES)
      outcome[name] = await named(make("m-1", CANARY)._getSerializedCacheKeyParametersForCall({}));
    for (const [name, keyOf] of RECORDED) outcome[name] = await named(keyOf("m-1", CANARY));
    expect(outcome).toEqual({
      OpenAI: true,
      DeepSeek: true,
      "Azure OpenAI": false,
      Anthropic: true,
      Ollama: false,
      Groq: false,
      Mistral: false,
      Google: false,
      "Bedrock Converse": false,
      Cohere: false,
      OpenRouter: false,
      "Google (new package)": false,
      xAI: true,
    });
  });
});
