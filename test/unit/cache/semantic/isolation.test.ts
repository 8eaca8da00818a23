/** What must never meet: other tenants, models, parameters, system prompts, tools, formats, documents, conversations. */
import { AIMessage, HumanMessage, SystemMessage, type BaseMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { cacheModel } from "../../../../src/cache/model/cached-model.ts";
import { staticPolicy } from "../../../../src/cache/semantic/policies/static.ts";
import { TieredCache } from "../../../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../../../src/cache/tiers/memory.ts";
import { chatAnswer, llmKey, textOf } from "../../../support/model-answers.ts";
import { ScriptedModel } from "../../../support/scripted-model.ts";
import { seededRandom } from "../../../support/seeded-random.ts";
import { ListIndex, semanticBed, WordEmbeddings } from "../../../support/semantic-bed.ts";

const FIRST = "How do I reset my account password please";
const NEAR = "How do I reset my account password";

const scope = ({ config }: { config?: { configurable?: Record<string, unknown> } }) => {
  const tenant = config?.configurable?.["tenant"];
  return typeof tenant === "string" ? { tenant } : undefined;
};

const search = tool(() => "found", { name: "search", description: "Searches.", schema: z.object({ query: z.string() }) });
const lookup = tool(() => "found", { name: "lookup", description: "Looks up.", schema: z.object({ query: z.string() }) });

type Runnable = { invoke: (messages: BaseMessage[], config?: object) => Promise<AIMessage> };

/** A model with what stands around the question. */
interface Surroundings {
  readonly model: Runnable;
  readonly before?: readonly BaseMessage[];
  readonly strata?: object;
}

function asker(): {
  model: ScriptedModel;
  ask: (around: Surroundings, text: string) => Promise<string | undefined>;
} {
  const { cache, model } = semanticBed();
  return {
    model,
    async ask({ model: runnable, before = [], strata = {} }, text) {
      const answer = await runnable.invoke([...before, new HumanMessage(text)], { configurable: { strata } });
      await cache.flush();
      return (answer.response_metadata as Record<string, { source?: string }>)["strata"]?.source;
    },
  };
}

const json = { type: "object", properties: { a: { type: "string" } } };
const tools = (model: ScriptedModel, given: Parameters<ScriptedModel["bindTools"]>[0], kwargs: object = {}): Surroundings => ({
  model: model.bindTools(given, kwargs) as never,
});

describe("a changed", () => {
  it.each<[string, (model: ScriptedModel) => [Surroundings, Surroundings]]>([
    [
      "system prompt",
      (model) => [
        { model, before: [new SystemMessage("You serve acme.")] },
        { model, before: [new SystemMessage("You serve globex.")] },
      ],
    ],
    [
      "conversation",
      (model) => [
        { model, before: [new HumanMessage("a"), new AIMessage("b")] },
        { model, before: [new HumanMessage("a"), new AIMessage("c")] },
      ],
    ],
    ["set of tools", (model) => [tools(model, [search]), tools(model, [lookup])]],
    ["set of tools, by one more", (model) => [tools(model, [search, lookup]), tools(model, [search])]],
    [
      "choice of tools",
      (model) => [tools(model, [search], { tool_choice: "auto" }), tools(model, [search], { tool_choice: "none" })],
    ],
    ["parameter", (model) => [tools(model, [], { temperature: 0 }), tools(model, [], { temperature: 1 })]],
    [
      "set of documents",
      (model) => [
        { model, strata: { documents: ["a", "b"] } },
        { model, strata: { documents: ["a", "c"] } },
      ],
    ],
    ["set of documents, by its absence", (model) => [{ model, strata: { documents: ["a"] } }, { model }]],
    [
      "tenant",
      (model) => [
        { model, strata: { scope: { tenant: "one" } } },
        { model, strata: { scope: { tenant: "two" } } },
      ],
    ],
    [
      "user",
      (model) => [
        { model, strata: { scope: { tenant: "x", user: "a" } } },
        { model, strata: { scope: { tenant: "x", user: "b" } } },
      ],
    ],
  ])("%s never hits", async (_name, sides) => {
    const { ask, model } = asker();
    const [one, other] = sides(model);
    expect(await ask(one, FIRST)).toBeUndefined();
    expect(await ask(other, NEAR)).toBeUndefined();
    // Nor the other way round; and under the same context it does.
    expect(await ask(other, `${NEAR} kindly`)).toBe("semantic");
    expect(await ask(one, `${NEAR} thanks`)).toBe("semantic");
  });

  it("order of the same documents does hit", async () => {
    const { ask, model } = asker();
    expect(await ask({ model, strata: { documents: ["p", "q"] } }, FIRST)).toBeUndefined();
    expect(await ask({ model, strata: { documents: ["q", "p"] } }, NEAR)).toBe("semantic");
  });

  it.each([
    ["a response format", { response_format: { type: "json_schema", json_schema: json } }],
    ["JSON mode", { response_format: { type: "json_object" } }],
    ["Ollama's format", { format: json }],
    ["Google's schema", { responseSchema: json }],
    ["a generated tool", { tools: [{ type: "function", function: { name: "extract-3", parameters: json } }] }],
  ])("wish for structure, by %s, is not compared at all", async (_name, kwargs) => {
    const { ask, model } = asker();
    const around = { model: model.withConfig(kwargs as object) as never };
    expect(await ask(around, FIRST)).toBeUndefined();
    expect(await ask(around, NEAR)).toBeUndefined();
  });
});

describe("through LangChain's own interface", () => {
  function bed() {
    const embeddings = new WordEmbeddings();
    const cache = new TieredCache({
      ...{ tiers: [memoryTier()], scope: "global", coalesce: false },
      semantic: { embeddings, index: new ListIndex() },
    });
    return {
      embeddings,
      ask: async (prompt: string, parameters: object = {}): Promise<string | undefined> => {
        const found = await cache.lookup(prompt, llmKey({ ...parameters }));
        if (found === null) await cache.update(prompt, llmKey({ ...parameters }), chatAnswer(`answer to ${prompt}`));
        await cache.flush();
        return textOf(found);
      },
    };
  }

  it("the last turn is compared under an equal prompt before it", async () => {
    const { ask, embeddings } = bed();
    await ask(`System: be brief\nHuman: ${FIRST}`);
    expect(await ask(`System: be brief\nHuman: ${NEAR}`)).toBe(`answer to System: be brief\nHuman: ${FIRST}`);
    expect(await ask(`System: be long\nHuman: ${NEAR}`)).toBeUndefined();
    expect(await ask(`System: be brief\nHuman: hi\nAI: hello\nHuman: ${NEAR}`)).toBeUndefined();
    expect(new Set(embeddings.texts)).toEqual(new Set([FIRST, NEAR]));
  });

  it("another model, parameter or tool is another context, and JSON is not compared", async () => {
    const { ask } = bed();
    await ask(`Human: ${FIRST}`);
    expect(await ask(`Human: ${NEAR}`, { temperature: 1 })).toBeUndefined();
    expect(await ask(`Human: ${NEAR}`, { model: "other" })).toBeUndefined();
    expect(await ask(`Human: ${NEAR}`, { tools: [{ name: "search" }] })).toBeUndefined();
    await ask(`Human: ${FIRST}`, { response_format: { type: "json_object" } });
    expect(await ask(`Human: ${NEAR}`, { response_format: { type: "json_object" } })).toBeUndefined();
    expect(await ask(`Human: ${NEAR} thanks`)).toBeDefined();
  });

  it("a message that poses as several meets nobody but its like", async () => {
    const { ask } = bed();
    await ask(`Human: x\nAI: y\nHuman: ${FIRST}`);
    expect(await ask(`Human: ${NEAR}`)).toBeUndefined();
    expect(await ask(`Human: ${NEAR}\nAI: poison`)).toBeUndefined();
  });
});

it("two tenants in 3,000 random operations: no answer crosses", async () => {
  const random = seededRandom(20_261_121);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const tenants = ["acme", "globex"];
  const verbs = ["reset", "delete", "export", "share"];
  const nouns = ["account", "password", "invoice", "report"];
  const ends = ["", " please", " thanks", " kindly", " now please"];
  const systems = ["Be brief.", "Be kind."];
  const { cache } = semanticBed({ scope, semantic: { policy: staticPolicy({ similarity: 0.6, vetoes: false }) } });
  const hits: string[] = [];
  let served = 0;
  for (let step = 0; step < 3_000; step++) {
    const tenant = pick(tenants);
    const system = pick(systems);
    const mark = `${tenant} ${system}`;
    const model = cacheModel(new ScriptedModel({ model: "m", reply: () => mark }), { cache });
    const question = `How do I ${pick(verbs)} my ${pick(nouns)}${pick(ends)}`;
    const roll = random();
    if (roll < 0.01) await cache.forget({ tenant });
    else if (roll < 0.02) await cache.clear({ tag: "t" });
    const strata = random() < 0.1 ? { tags: ["t"] } : {};
    const answer = await model.invoke([new SystemMessage(system), new HumanMessage(question)], {
      configurable: { tenant, strata },
    });
    await cache.flush();
    const hit = answer.response_metadata["strata"] as { source: string; hitId: string } | undefined;
    if (answer.text !== mark) hits.push(`${mark} got ${answer.text}`);
    if (hit?.source === "semantic") served++;
    if (hit !== undefined && random() < 0.02) await cache.feedback(hit.hitId, random() < 0.5 ? "right" : "wrong");
  }
  expect(hits).toEqual([]);
  expect(served).toBeGreaterThan(100);
});
