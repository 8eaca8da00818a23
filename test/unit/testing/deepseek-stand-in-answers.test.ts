import { describe, expect, test } from "vitest";

import { composeAnswer } from "../../../src/testing/deepseek-stand-in/composer.ts";
import type { ChatMessage, ChatRequest } from "../../../src/testing/deepseek-stand-in/protocol.ts";
import { readQuestion } from "../../../src/testing/deepseek-stand-in/question.ts";
import { composeReply } from "../../../src/testing/deepseek-stand-in/reply.ts";
import { schemaValue } from "../../../src/testing/deepseek-stand-in/schema-value.ts";

const ENGLISH = [
  "What is an order block?",
  "How large should a position be?",
  "Explain the difference between BOS and CHoCH",
  "How do I write a TypeScript function that caches API calls?",
  "Why is the sky blue?",
  "hi",
];
const PORTUGUESE = [
  "O que é um order block?",
  "Como calcular o risco por operação?",
  "O que muda na estrutura de mercado depois de um rompimento?",
  "Como escrever um servidor em Python com cache?",
  "Quais são as capitais da Europa?",
  "o que e bitcoin",
];

function request(messages: readonly ChatMessage[], more: object = {}): ChatRequest {
  return { model: "deepseek-chat", messages, ...more };
}

function user(content: string): ChatMessage {
  return { role: "user", content };
}

function answerTo(...messages: ChatMessage[]): string {
  return composeAnswer(readQuestion(request(messages))).content;
}

describe("a composed answer", () => {
  test.each([...ENGLISH, ...PORTUGUESE])("to %j has 60 to 300 words, and reasoning before it", (question) => {
    const { content, reasoning } = composeAnswer(readQuestion(request([user(question)])));
    const words = content.split(/\s+/).length;
    expect(words).toBeGreaterThanOrEqual(60);
    expect(words).toBeLessThanOrEqual(300);
    expect(reasoning).toContain(question);
    expect(content).not.toMatch(/\{\w+\}|undefined/);
  });

  test("is in Portuguese when the question is, and says in that language that no model was asked", () => {
    for (const question of ENGLISH) expect(answerTo(user(question))).toContain("Local stand-in of the DeepSeek API");
    for (const question of PORTUGUESE) expect(answerTo(user(question))).toContain("Substituto local da API da DeepSeek");
  });

  test("is the same for the same question, whatever the system prompt and the sampling", () => {
    const question = user("What is an order block?");
    const bare = composeReply(request([question]));
    expect(composeReply(request([{ role: "system", content: "Be rude." }, question], { temperature: 2, seed: 7 }))).toEqual(bare);
  });

  test("is another one for another question, image or conversation", () => {
    const questions = Array.from({ length: 200 }, (_, index) => user(`What is an order block, case ${index}?`));
    const longOnes = Array.from({ length: 50 }, (_, index) => user(`${"context ".repeat(200)}${index}`));
    const image = (data: string): ChatMessage => ({
      role: "user",
      content: [
        { type: "text", text: "What is this?" },
        { type: "image_url", image_url: { url: `data:image/png;base64,${data}` } },
      ],
    });
    const answers = [...questions, ...longOnes, image("AAAA"), image("BBBB"), user("What is this?")].map((message) =>
      answerTo(message),
    );
    for (const before of ["Tell me about gold.", `${"context ".repeat(200)}1`, `${"context ".repeat(200)}2`]) {
      answers.push(answerTo(user(before), { role: "assistant", content: "…" }, user("What is this?")));
    }
    expect(new Set(answers).size).toBe(answers.length);
  });

  test("reports what a tool returned", () => {
    const call = { id: "c1", type: "function", function: { name: "get_weather", arguments: "{}" } } as const;
    const messages: ChatMessage[] = [
      user("What is the weather in Lisbon?"),
      { role: "assistant", content: "", tool_calls: [call] },
      { role: "tool", tool_call_id: "c1", content: "18 °C, wind $1 from the west" },
    ];
    expect(answerTo(...messages)).toContain("get_weather returned: 18 °C, wind $1 from the west");
  });

  test("is a JSON object where the request demands one", () => {
    const { content } = composeReply(
      request([user("What is an order block, as JSON?")], { response_format: { type: "json_object" } }),
    );
    expect(JSON.parse(content ?? "")).toMatchObject({ question: "What is an order block, as JSON?", language: "en" });
  });
});

describe("tool calls", () => {
  const tool = (name: string): object => ({
    type: "function",
    function: { name, parameters: { type: "object", properties: {} } },
  });
  const called = (text: string, more: object, after: readonly ChatMessage[] = []): string[] =>
    (composeReply(request([user(text), ...after], more)).toolCalls ?? []).map((call) => call.name);
  const tools = [tool("get_weather"), tool("searchNews"), tool("extract-1")];
  const weatherTurn = (...names: string[]): ChatMessage[] => [
    { role: "assistant", tool_calls: names.map((name) => ({ id: name, type: "function", function: { name, arguments: "{}" } })) },
    ...names.map((name): ChatMessage => ({ role: "tool", tool_call_id: name, content: "ok" })),
  ];

  test("are made of every tool that the question names, in both languages, once", () => {
    expect(called("What is the weather, and what is in the news?", { tools })).toEqual(["get_weather", "searchNews"]);
    expect(called("Qual é a previsão para Lisboa?", { tools })).toEqual(["get_weather"]);
    expect(called("What is an order block?", { tools })).toEqual([]);
    expect(called("What is the weather?", { tools, parallel_tool_calls: false })).toEqual(["get_weather"]);
    expect(called("What is the weather?", { tools, tool_choice: "none" })).toEqual([]);
    expect(called("What is the weather?", { tools }, weatherTurn("get_weather"))).toEqual([]);
    const oneByOne = { tools, parallel_tool_calls: false };
    expect(called("Weather and news, please", oneByOne, weatherTurn("get_weather"))).toEqual(["searchNews"]);
    expect(called("Weather and news, please", oneByOne, weatherTurn("get_weather", "searchNews"))).toEqual([]);
  });

  test("follow tool_choice, and move on to tools that were not called yet", () => {
    expect(called("hello", { tools, tool_choice: { type: "function", function: { name: "extract-1" } } })).toEqual(["extract-1"]);
    expect(called("What is the weather?", { tools, tool_choice: "required" })).toEqual(["get_weather"]);
    const rest = [tool("get_weather"), tool("extract-1")];
    expect(called("What is the weather?", { tools: rest, tool_choice: "required" }, weatherTurn("get_weather"))).toEqual([
      "extract-1",
    ]);
  });
});

describe("a value filled from a JSON Schema", () => {
  const question = readQuestion(request([user("Add 3 and 5.5 for the weather in São Paulo")]));

  test("satisfies types, bounds, enumerations and nested shapes", () => {
    const schema = {
      type: "object",
      required: ["level", "city", "inner", "list", "pair"],
      properties: {
        level: { enum: ["low", "high"] },
        city: { type: "string" },
        a: { type: "integer" },
        b: { type: "number" },
        share: { type: "number", minimum: 0, maximum: 1 },
        count: { type: "integer", minimum: 10, maximum: 12 },
        sure: { type: "boolean" },
        note: { anyOf: [{ type: "null" }, { type: "string", maxLength: 12 }] },
        fixed: { const: 7 },
        when: { type: "string", format: "date" },
        inner: { $ref: "#/$defs/inner" },
        list: { type: "array", items: { type: "string" }, minItems: 3 },
        pair: { type: "array", prefixItems: [{ type: "string" }, { type: "boolean" }] },
      },
      $defs: { inner: { type: "object", properties: { query: { type: ["string", "null"] }, again: { $ref: "#/$defs/inner" } } } },
    };
    const value = schemaValue(schema, question) as Record<string, unknown>;
    expect(value).toMatchObject({
      city: "São Paulo",
      a: 3,
      b: 5.5,
      fixed: 7,
      when: "2025-01-15",
      inner: { query: question.text },
    });
    expect(["low", "high"]).toContain(value["level"]);
    expect(value["share"]).toSatisfy((share: number) => share >= 0 && share <= 1);
    expect([10, 11, 12]).toContain(value["count"]);
    expect(typeof value["sure"]).toBe("boolean");
    expect(String(value["note"]).length).toBeLessThanOrEqual(12);
    expect(value["list"]).toHaveLength(3);
    expect(value["pair"]).toEqual([expect.any(String), expect.any(Boolean)]);
    expect(schemaValue(schema, question)).toEqual(value);
  });

  test("ends for a schema that requires itself", () => {
    const node = { type: "object", required: ["next"], properties: { next: { $ref: "#" } } };
    expect(JSON.stringify(schemaValue(node, question))).toContain("null");
  });
});
