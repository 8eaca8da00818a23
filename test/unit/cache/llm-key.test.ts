import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readLlmKey } from "../../../src/cache/base/llm-key.ts";
import { llmKey } from "../../support/model-answers.ts";
import { seeded } from "../core/seeded.ts";

/** The digest by which a model is known; fails where there is none. */
function identityOf(key: string, modelId?: string): string {
  const identity = readLlmKey(key, modelId);
  if ("bypass" in identity) throw new Error(`It is bypassed: ${identity.bypass}.`);
  return identity.digest;
}

const MODEL = llmKey();

test("tools that were not bound, of which LangChain prints no more than the class, are not cached", () => {
  const tool = '{"lc":1,"type":"not_implemented","id":["langchain","tools","DynamicStructuredTool"]}';
  expect(readLlmKey(`${MODEL},tools:[${tool}]`, undefined)).toEqual({ bypass: "placeholder" });
  expect(readLlmKey(`${MODEL},tools:[{"deep":[${tool}]}]`, "mine")).toEqual({ bypass: "placeholder" });
  expect(identityOf(`${MODEL},store:${tool},runtime:[${tool}]`)).toBe(identityOf(MODEL));
});

test("what LangGraph calls its run time is left out, and a parameter of the model's own with such a name is not", () => {
  expect(identityOf(`${MODEL},context:{"thread":1},state:{"messages":[]}`)).toBe(identityOf(MODEL));
  const texts = ['context:"a"', 'context:"b"', "context:1", 'state:"a"', 'store:"a"'];
  expect(new Set([MODEL, ...texts.map((text) => `${MODEL},${text}`)].map((key) => identityOf(key))).size).toBe(6);
});

describe("models that LangChain does not name in its key, as their classes print it", () => {
  const unnamed = {
    ChatOllama: '_model:"base_chat_model",_type:"ollama"',
    ChatGroq: '_model:"base_chat_model",_type:"groq"',
    ChatMistralAI: '_model:"base_chat_model",_type:"mistral_ai"',
    ChatGoogleGenerativeAI: '_model:"base_chat_model",_type:"googlegenerativeai"',
    ChatOpenRouter: '_model:"base_chat_model",_type:"openrouter"',
    ChatBedrockConverse: '_model:"base_chat_model",_type:"chat_bedrock_converse"',
    AzureChatOpenAI:
      '_model:"base_chat_model",_type:"azure_openai",dangerouslyAllowBrowser:true,model:"gpt-3.5-turbo",model_name:"gpt-3.5-turbo",stream:false',
  };
  for (const [name, key] of Object.entries(unnamed)) {
    test(`${name} is not identified, unless the user names it`, () => {
      expect(readLlmKey(key, undefined)).toEqual({ bypass: "model-unidentified" });
      expect(identityOf(key, "mine")).not.toBe(identityOf(key, "another"));
    });

    test(`${name} stays unidentified with call options beside, also ones that cannot be read`, () => {
      expect(readLlmKey(`${key},temperature:0.5,tools:[{"model":"x"}]`, undefined)).toEqual({ bypass: "model-unidentified" });
      expect(readLlmKey(`${key},odd name:1`, undefined)).toEqual({ bypass: "model-unidentified" });
      expect(readLlmKey(`odd name:1,${key}`, undefined)).toEqual({ bypass: "model-unidentified" });
    });
  }

  test("AzureChatOpenAI with its deployment is identified by it", () => {
    const azure = (azureOpenAIApiDeploymentName: string): string =>
      llmKey({ _type: "azure_openai", azureOpenAIApiDeploymentName });
    expect(identityOf(azure("a"))).not.toBe(identityOf(azure("b")));
  });

  test("an empty model name names nothing", () => {
    expect(readLlmKey(llmKey({ model: "" }), undefined)).toEqual({ bypass: "model-unidentified" });
  });
});

describe("what tells models apart", () => {
  const different: Record<string, Record<string, unknown>> = {
    "the model": { model: "deepseek-chat" },
    "the provider": { _type: "openai" },
    "chat or text": { _model: "base_llm" },
    "the temperature": { temperature: 0.6 },
    "a temperature of 0": { temperature: 0 },
    "the base URL": { baseURL: "https://eu.example.com" },
    "the number of candidates": { n: 2 },
    "a bound on the answer": { max_tokens: 100 },
    "the stop texts": { stop: ["\n"] },
    "the tools": { tools: [{ type: "function", function: { name: "search" } }] },
    "the choice of a tool": { tool_choice: "required" },
    "the response format": { response_format: { type: "json_object" } },
    "how hard it thinks": { reasoning: { effort: "high" } },
    "a seed": { seed: 1 },
    "another user": { user: "u-1" },
    "the token that ends a text": { eos_token: "</s>" },
    "the token that fills a text": { pad_token: "<pad>" },
    "an author in the template": { author: "Machado" },
    "a template": { chat_template_kwargs: { key_points: "three" } },
  };
  const identities = Object.entries(different).map(([name, change]) => [name, identityOf(llmKey(change))] as const);

  test.each(identities)("%s", (_name, identity) => {
    expect(identity).not.toBe(identityOf(MODEL));
  });

  test("and each of these from each other", () => {
    expect(new Set(identities.map(([, identity]) => identity)).size).toBe(identities.length);
  });

  test.each(["token", "api_key", "headers", "password", "auth", "credentials"])(
    "what a schema says of its property `%s`, wherever the schema is",
    (property) => {
      for (const place of ["tools", "response_format", "guided_json", "text", "responseSchema", "extra_body"]) {
        const schema = (type: string): string => llmKey({ [place]: { schema: { properties: { [property]: { type } } } } });
        expect(identityOf(schema("string"))).not.toBe(identityOf(schema("object")));
      }
    },
  );

  test("a field that only looks like two is one", () => {
    expect(identityOf(llmKey({ stop: ['a",n:2,b:"'] }))).not.toBe(identityOf(llmKey({ stop: ["a"], n: 2, b: "" })));
  });

  test("the name that the user gives comes on top of what LangChain says", () => {
    expect(identityOf(MODEL, "mine")).not.toBe(identityOf(MODEL));
    expect(identityOf(MODEL, "mine")).not.toBe(identityOf(llmKey({ temperature: 1 }), "mine"));
  });
});

describe("what does not tell models apart", () => {
  const same: Record<string, Record<string, unknown>> = {
    "an API key": { apiKey: "sk-canary", openAIApiKey: "sk-canary", api_key: "sk-canary" },
    headers: { defaultHeaders: { Authorization: "Bearer canary" }, headers: { "x-request": "1" } },
    "tokens of access": { accessToken: "t", azureADToken: "t", awsSessionToken: "t", awsAccessKeyId: "i", token: "t" },
    "other credentials": { credentials: { client_email: "e" }, password: "p", clientSecret: "s", authOptions: { a: 1 } },
    "the organization": { organization: "org-canary", project: "p" },
    "whether it streams": { stream: true, streaming: true, streamUsage: false, stream_options: { include_usage: true } },
    "what LangGraph adds": {
      control: {},
      executionInfo: { checkpointId: "c", taskId: "t", threadId: "1", nodeFirstAttemptTime: 12 },
      context: { userId: "u" },
      store: {},
      signal: {},
    },
    "what the run is called": { runName: "r", runId: "1", tags: ["a"], metadata: { a: 1 }, recursionLimit: 3, timeout: 5 },
    "a hint for the provider's own cache": { promptCacheKey: "k", prompt_cache_key: "k" },
  };
  test.each(Object.entries(same))("%s", (_name, addition) => {
    expect(identityOf(llmKey(addition))).toBe(identityOf(MODEL));
  });

  test("credentials among the options of the client, while the rest of these counts", () => {
    const client = (apiKey: string, baseURL: string): string =>
      llmKey({
        configuration: { baseURL, apiKey, defaultHeaders: { a: apiKey } },
        clientOptions: { proxy: { password: apiKey } },
      });
    expect(identityOf(client("one", "u"))).toBe(identityOf(client("two", "u")));
    expect(identityOf(client("one", "u"))).not.toBe(identityOf(client("one", "v")));
  });

  test("the order of the fields, and functions, which are printed as `undefined`", () => {
    expect(
      identityOf('model:"deepseek-reasoner",_type:"deepseek",writer:undefined,_model:"base_chat_model",fetch:undefined'),
    ).toBe(identityOf(MODEL));
  });
});

describe("text of another form", () => {
  test("identifies by itself when it says something", () => {
    expect(identityOf("my model, version 2")).not.toBe(identityOf("my model, version 3"));
    expect(identityOf("{not:json")).not.toBe(identityOf("{not:json}"));
  });

  test.each(["", " ", "\n\t"])("%j says nothing", (text) => {
    expect(readLlmKey(text, undefined)).toEqual({ bypass: "model-unidentified" });
    expect(identityOf(text, "mine")).toHaveLength(43);
  });

  test("never makes it throw, and the same text is always the same model", () => {
    const garbage = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom(...'":,[]{}\\a1 _undefined'.split("")) }),
      fc.tuple(fc.string(), fc.json()).map(([name, value]) => `${name}:${value}`),
    );
    fc.assert(
      fc.property(garbage, (text) => {
        expect(readLlmKey(text, undefined)).toEqual(readLlmKey(text, undefined));
        expect(readLlmKey(text, "mine")).toHaveProperty("digest");
      }),
      seeded(500),
    );
  });
});

test("whatever the parameters, what LangChain prints is read back field by field", () => {
  const name = fc
    .stringMatching(/^[a-z]\w{0,8}$/)
    .filter((word) => !/key|token|auth|header|secret|password|text|stop/.test(word));
  const value = fc.jsonValue().filter((item) => item !== undefined);
  fc.assert(
    fc.property(name, value, value, (field, one, other) => {
      fc.pre(JSON.stringify(one) !== JSON.stringify(other));
      fc.pre(!["control", "context", "store", "signal", "tags", "config", "state", "cache", "fetch", "stream"].includes(field));
      expect(identityOf(llmKey({ [field]: one }), "m")).not.toBe(identityOf(llmKey({ [field]: other }), "m"));
      expect(identityOf(llmKey({ [field]: one }), "m")).toBe(identityOf(llmKey({ [field]: structuredClone(one) }), "m"));
    }),
    seeded(300),
  );
});
