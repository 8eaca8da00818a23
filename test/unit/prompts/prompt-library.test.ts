import { ChatDeepSeek } from "@langchain/deepseek";
import { AIMessage, HumanMessage, type BaseMessage } from "@langchain/core/messages";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { PromptLibrary } from "../../../src/prompts/prompt-library.ts";
import { parseTemplate, toTemplate } from "../../../src/prompts/template-text.ts";
import { generalPrompts } from "../../../src/prompts/templates/general.ts";
import { tradingPrompts } from "../../../src/prompts/templates/trading.ts";
import { startDeepSeekStandIn } from "../../../src/testing/deepseek-stand-in/start.ts";

const opened: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

const shown = (messages: readonly BaseMessage[]): string[] => messages.map((message) => `${message.getType()}: ${message.text}`);

describe("a prompt", () => {
  test("comes out as LangChain's template: what is fixed first, what moves behind it", async () => {
    const library = new PromptLibrary({ partials: { house: "Be {brief}." } }).add({
      name: "ask",
      system: "You know {topic}.\n\nRules: {house} {own}\n\nToday is {date}.\n \nNever lie.",
      partials: { own: "No jokes." },
      examples: [{ user: "1+1?", assistant: "2" }],
      user: "{question} {{in JSON}}",
    });
    const messages = await library.get("ask").formatMessages({ topic: "cats", date: "Monday", question: "Why {x}?" });
    expect(shown(messages)).toEqual([
      "system: Rules: Be {brief}. No jokes.\n\nNever lie.",
      "human: 1+1?",
      "ai: 2",
      "human: You know cats.\n\nToday is Monday.\n\nWhy {x}? {in JSON}",
    ]);
    expect(library.list()).toMatchObject([{ name: "ask", version: "1", variables: ["topic", "date", "question"] }]);
  });

  test("may keep the layout that it was written in", async () => {
    const library = new PromptLibrary().add({ name: "a", system: "On {date}.\n\nRules.", user: "{q}", layout: "as-written" });
    expect(shown(await library.get("a").formatMessages({ date: "Monday", q: "Hi" }))).toEqual([
      "system: On Monday.\n\nRules.",
      "human: Hi",
    ]);
  });

  test("for R1 has its system text in the first user message, whole", async () => {
    const library = new PromptLibrary({ system: "user" })
      .add({ name: "plain", system: "Rules.", user: "{q}" })
      .add({ name: "shown", system: "Rules.", examples: [{ user: "1+1?", assistant: "2" }], user: "{q}" })
      .add({ name: "talk", system: "Rules.", history: true, user: "{q}" });
    expect(shown(await library.get("plain").formatMessages({ q: "Hi" }))).toEqual(["human: Rules.\n\nHi"]);
    expect(shown(await library.get("shown").formatMessages({ q: "Hi" }))).toEqual([
      "human: Rules.\n\n1+1?",
      "ai: 2",
      "human: Hi",
    ]);
    const history = [new HumanMessage("before"), new AIMessage("yes")];
    expect(shown(await library.get("talk").formatMessages({ q: "Hi", history }))).toEqual([
      "human: Rules.",
      "human: before",
      "ai: yes",
      "human: Hi",
    ]);
    expect(shown(await library.get("plain", undefined, { system: "system" }).formatMessages({ q: "Hi" }))).toEqual([
      "system: Rules.",
      "human: Hi",
    ]);
  });

  test("with a missing variable is refused by name, before the model is asked", async () => {
    const model = new FakeListChatModel({ responses: ["never"] });
    const library = new PromptLibrary().add({ name: "ask", version: "2", user: "{question}" });
    const chain = library.get("ask").pipe(model);
    // @ts-expect-error a variable is missing
    await expect(chain.invoke({})).rejects.toThrow("prompt ask@2: {question}");
    // @ts-expect-error no text
    await expect(library.get("ask").invoke({ question: undefined })).rejects.toThrow("prompt ask@2: {question}");
    const partly = await library.get("ask").partial({ question: "Hi" });
    expect(shown(await partly.formatMessages({}))).toEqual(["human: Hi"]);
  });

  test("text of a user is never read as a template", async () => {
    const library = new PromptLibrary().add({ name: "ask", user: "{a} {b}" });
    expect(shown(await library.get("ask").formatMessages({ a: "{b}", b: "}} {{" }))).toEqual(["human: {b} }} {{"]);
  });
});

describe("versions", () => {
  test("the newest is given unless another is asked for; each is compiled once", () => {
    const library = new PromptLibrary()
      .add({ name: "a", version: "1.9", user: "old {q}" })
      .add({ name: "a", version: "1.10", user: "new {q}" });
    expect(library.get("a")).toBe(library.get("a", "1.10"));
    expect(library.get("a", "1.9")).not.toBe(library.get("a"));
    expect(library.list().map(({ version }) => version)).toEqual(["1.10", "1.9"]);
    expect(() => library.get("a", "3")).toThrow('"1.10", "1.9"');
    expect(() => library.get("b")).toThrow("accepted: a");
  });

  test("a version that was added is never changed", () => {
    const library = new PromptLibrary().add({ name: "a", user: "{q}" });
    expect(() => library.add({ name: "a", user: "{q}" })).not.toThrow();
    expect(() => library.add({ name: "a", user: "other {q}" })).toThrow("prompt a: version");
  });
});

test.each([
  [{ name: "", user: "x" }, "prompt.name"],
  [{ name: "a", user: "" }, "prompt a: user"],
  [{ name: "a", user: "{q" }, "prompt a: user"],
  [{ name: "a", user: "q}" }, "prompt a: user"],
  [{ name: "a", user: "{not a name}" }, "prompt a: user"],
  [{ name: "a", user: "x", system: "{}" }, "prompt a: system"],
  [{ name: "a", user: "x", version: "latest" }, "prompt a: version"],
  [{ name: "a", user: "x", examples: [{ user: "x" }] }, "prompt a: examples"],
  [{ name: "a", user: "x", partials: { p: 1 } }, "prompt a: partials.p"],
  [{ name: "a", user: "{history}", history: true }, "prompt a: user"],
  [{ name: "a", user: "x", sistem: "y" }, "prompt.sistem"],
])("a wrong prompt is refused by name, and not added: %#", (spec, name) => {
  const library = new PromptLibrary();
  expect(() => library.add(spec as never)).toThrow(name);
  expect(library.list()).toEqual([]);
});

test("a template text comes back from its parts, whatever it holds", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const escaped = text.replaceAll("{", "{{").replaceAll("}", "}}");
      const parts = parseTemplate("t", `${escaped}{name}`);
      expect(parts.at(-1)).toEqual({ variable: "name" });
      expect(toTemplate(parts)).toBe(`${escaped}{name}`);
      expect(
        parts
          .slice(0, -1)
          .map((part) => ("text" in part ? part.text : ""))
          .join(""),
      ).toBe(text);
    }),
  );
});

test("the sets that come with it compile, in both languages, and have a long fixed beginning", () => {
  const library = new PromptLibrary().addAll(tradingPrompts).addAll(generalPrompts);
  const all = library.list();
  expect(all).toHaveLength(14);
  for (const { name, staticCharacters, variables } of all) {
    expect(staticCharacters, name).toBeGreaterThan(256);
    expect(variables.length, name).toBeGreaterThan(1);
    const twin = name.endsWith(".en") ? name.replace(/\.en$/, ".pt") : name.replace(/\.pt$/, ".en");
    expect(all.find((other) => other.name === twin)?.variables, name).toEqual(variables);
  }
});

describe("savings", () => {
  test("are what the provider says that it had cached, by prompt; our own cache's answers are not counted", async () => {
    const server = await startDeepSeekStandIn({ delay: 0 });
    opened.push(server);
    const cache = new TieredCache({ tiers: [memoryTier()] });
    opened.push(cache);
    const library = new PromptLibrary().addAll(tradingPrompts);
    const model = new ChatDeepSeek({
      model: "deepseek-reasoner",
      apiKey: "test",
      configuration: { baseURL: server.url },
      cache,
      callbacks: [library.callback()],
    });
    const chain = library.get("trading.risk.en").pipe(model);
    const plan = { account: "10,000", risk: "1 %", plan: "long at 100, stop 98" };
    await chain.invoke({ ...plan, question: "How many units?" });
    expect(library.savings()).toMatchObject({ answers: 1, cachedTokens: 0 });
    await chain.invoke({ ...plan, question: "What is the ratio?" });
    const { answers, cachedTokens, promptTokens, rate, prompts } = library.savings();
    expect(answers).toBe(2);
    expect(cachedTokens).toBeGreaterThanOrEqual(256);
    expect(cachedTokens % 64).toBe(0);
    expect(rate).toBeCloseTo(cachedTokens / promptTokens, 10);
    expect(Object.keys(prompts)).toEqual(["trading.risk.en@1"]);
    await chain.invoke({ ...plan, question: "What is the ratio?" });
    for await (const _chunk of await chain.stream({ ...plan, question: "Streamed?" })) void _chunk;
    expect(library.savings().answers).toBe(3);
    await model.invoke("Not a prompt of the library");
    expect(library.savings().answers).toBe(3);
  });
});
