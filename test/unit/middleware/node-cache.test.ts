/** The same tests over LangGraph's own cache and over ours, then what only ours promises. */
import { Document } from "@langchain/core/documents";
import { AIMessage, HumanMessage, ToolMessage, type BaseMessage } from "@langchain/core/messages";
import { Annotation, Command, END, MessagesAnnotation, Send, START, StateGraph, entrypoint, task } from "@langchain/langgraph";
import { InMemoryCache, type BaseCache } from "@langchain/langgraph-checkpoint";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { diskTier } from "../../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { manualClock } from "../../../src/core/clock.ts";
import type { StrataEvent } from "../../../src/core/events.ts";
import { nodeCache } from "../../../src/middleware/node-cache.ts";
import { decodeNodeValue, encodeNodeValue } from "../../../src/middleware/node-values.ts";
import { scriptedTier } from "../../support/scripted-tier.ts";

interface Bed {
  readonly cache: BaseCache;
  readonly advance: (ms: number) => Promise<void>;
}

function theirs(): Bed {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  return { cache: new InMemoryCache(), advance: async (ms) => void vi.setSystemTime(Date.now() + ms) };
}

function ours(): Bed {
  const clock = manualClock();
  const cache = nodeCache({ tiers: [memoryTier()], clock });
  onTestFinished(() => cache.close());
  return { cache, advance: (ms) => clock.advance(ms) };
}

function onDisk(): Bed {
  const folder = mkdtempSync(join(tmpdir(), "strata-nodes-"));
  const clock = manualClock(Date.now());
  const cache = nodeCache({ tiers: [diskTier({ path: folder })], clock });
  onTestFinished(async () => {
    await cache.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    cache,
    async advance(ms) {
      // LangGraph does not wait for what it stores; time that passes meanwhile would use up the deadline of the write.
      await vi.waitFor(() => expect(cache.stats().tiers[0]?.entries).toBeGreaterThan(0), 20_000);
      await cache.flush();
      await clock.advance(ms);
    },
  };
}

const Counted = Annotation.Root({ input: Annotation<number>, output: Annotation<unknown> });

describe.each([
  ["InMemoryCache", theirs],
  ["nodeCache in memory", ours],
  ["nodeCache on disk", onDisk],
])("%s", (_name, open) => {
  test("runs a node once for one input", async () => {
    const { cache } = open();
    const work = vi.fn(({ input }: typeof Counted.State) => ({ output: input * 2 }));
    const graph = new StateGraph(Counted)
      .addNode("double", work, { cachePolicy: true })
      .addEdge(START, "double")
      .addEdge("double", END)
      .compile({ cache });
    expect(await graph.invoke({ input: 2 })).toEqual({ input: 2, output: 4 });
    expect(await graph.invoke({ input: 2 })).toEqual({ input: 2, output: 4 });
    expect(work).toHaveBeenCalledTimes(1);
    expect(await graph.invoke({ input: 3 })).toEqual({ input: 3, output: 6 });
    expect(work).toHaveBeenCalledTimes(2);
  });

  test("marks a cached node in the stream of updates", async () => {
    const { cache } = open();
    const graph = new StateGraph(Counted)
      .addNode("double", ({ input }) => ({ output: input * 2 }), { cachePolicy: true })
      .addEdge(START, "double")
      .compile({ cache });
    const updates = async (): Promise<unknown[]> => {
      const seen: unknown[] = [];
      for await (const update of await graph.stream({ input: 2 }, { streamMode: "updates" })) seen.push(update);
      return seen;
    };
    expect(await updates()).toEqual([{ double: { output: 4 } }]);
    expect(await updates()).toEqual([{ double: { output: 4 }, __metadata__: { cached: true } }]);
  });

  test("runs a task of the functional API once for one input", async () => {
    const { cache } = open();
    const work = vi.fn(async (value: number) => value * 10);
    const tenfold = task({ name: "tenfold", cachePolicy: { ttl: 60 } }, work);
    const flow = entrypoint({ name: "flow", cache }, async (values: number[]) =>
      Promise.all(values.map((value) => tenfold(value))),
    );
    expect(await flow.invoke([1, 2])).toEqual([10, 20]);
    expect(await flow.invoke([1, 2])).toEqual([10, 20]);
    expect(work).toHaveBeenCalledTimes(2);
    expect(await flow.invoke([2, 3])).toEqual([20, 30]);
    expect(work).toHaveBeenCalledTimes(3);
  });

  test("ends a result with the `ttl` of its policy, in seconds", async () => {
    const { cache, advance } = open();
    const work = vi.fn(({ input }: typeof Counted.State) => ({ output: input }));
    const graph = new StateGraph(Counted)
      .addNode("echo", work, { cachePolicy: { ttl: 30 } })
      .addEdge(START, "echo")
      .compile({ cache });
    await graph.invoke({ input: 1 });
    await advance(29_000);
    await graph.invoke({ input: 1 });
    expect(work).toHaveBeenCalledTimes(1);
    await advance(2_000);
    await graph.invoke({ input: 1 });
    expect(work).toHaveBeenCalledTimes(2);
  });

  test("takes the key of a policy", async () => {
    const { cache } = open();
    const work = vi.fn(({ input }: typeof Counted.State) => ({ output: input }));
    const keyFunc = (given: unknown): string => String(Math.floor((given as [{ input: number }])[0].input / 10));
    const graph = new StateGraph(Counted)
      .addNode("echo", work, { cachePolicy: { keyFunc } })
      .addEdge(START, "echo")
      .compile({ cache });
    await graph.invoke({ input: 11 });
    expect(await graph.invoke({ input: 14 })).toEqual({ input: 14, output: 11 });
    expect(work).toHaveBeenCalledTimes(1);
  });

  test("keeps messages as messages", async () => {
    const { cache } = open();
    const answer = new AIMessage({
      id: "a1",
      content: "Paris.",
      tool_calls: [{ name: "find", args: { city: "Paris" }, id: "c1", type: "tool_call" }],
      additional_kwargs: { reasoning_content: "France, so Paris." },
    });
    const work = vi.fn(() => ({ messages: [answer, new ToolMessage({ id: "t1", content: "found", tool_call_id: "c1" })] }));
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("answer", work, { cachePolicy: { keyFunc: () => "same" } })
      .addEdge(START, "answer")
      .compile({ cache });
    const ask = async (): Promise<BaseMessage[]> =>
      (await graph.invoke({ messages: [new HumanMessage({ id: "h1", content: "Capital?" })] })).messages;
    const first = await ask();
    const second = await ask();
    expect(work).toHaveBeenCalledTimes(1);
    expect(second.map(({ type }) => type)).toEqual(["human", "ai", "tool"]);
    expect(second[1]).toBeInstanceOf(AIMessage);
    expect(second[1]?.toDict()).toEqual(first[1]?.toDict());
    expect((second[1] as AIMessage).tool_calls).toEqual(answer.tool_calls);
  });

  test("keeps where a node goes on: commands, and what is sent to other nodes", async () => {
    const { cache } = open();
    const Sum = Annotation.Root({ parts: Annotation<number[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }) });
    const split = vi.fn(() => new Command({ goto: [1, 2, 3].map((part) => new Send("part", { part })) }));
    const graph = new StateGraph(Sum)
      .addNode("split", split, { cachePolicy: { keyFunc: () => "same" }, ends: ["part"] })
      .addNode("part", (state) => ({ parts: [(state as unknown as { part: number }).part] }))
      .addEdge(START, "split")
      .compile({ cache });
    expect((await graph.invoke({})).parts).toEqual([1, 2, 3]);
    expect((await graph.invoke({})).parts).toEqual([1, 2, 3]);
    expect(split).toHaveBeenCalledTimes(1);
  });

  test("gives values back equal, each caller its own", async () => {
    const { cache } = open();
    const key: [string[], string] = [["ns"], "k"];
    const value = {
      map: new Map([["a", { deep: new Set([1, 2]) }]]),
      bytes: new Uint8Array([0, 255]),
      nothing: undefined,
      text: "\ud83d\ude00",
      list: [null, true, 1.5, ["x"]],
    };
    await cache.set([{ key, value }]);
    const [first] = await cache.get([key]);
    expect(first?.value).toEqual(value);
    (first as { value: { list: unknown[] } }).value.list.push("mine");
    const [second] = await cache.get([key]);
    expect(second?.value).toEqual(value);
  });

  test("clears one namespace, several, and everything", async () => {
    const { cache } = open();
    const keys: [string[], string][] = [
      [["a"], "1"],
      [["a", "b"], "1"],
      [["c"], "1"],
    ];
    const left = async (): Promise<string[]> => (await cache.get(keys)).map(({ key }) => key[0].join("/"));
    const fill = (): Promise<void> => cache.set(keys.map((key) => ({ key, value: [["output", 1]] })));
    await fill();
    expect(await left()).toEqual(["a", "a/b", "c"]);
    await cache.clear([["a"]]);
    expect(await left()).toEqual(["a/b", "c"]);
    await cache.clear([["a", "b"], ["c"]]);
    expect(await left()).toEqual([]);
    await fill();
    await cache.clear([]);
    expect(await left()).toEqual([]);
  });

  test("is emptied by the graph", async () => {
    const { cache } = open();
    const work = vi.fn(({ input }: typeof Counted.State) => ({ output: input }));
    const graph = new StateGraph(Counted).addNode("echo", work, { cachePolicy: true }).addEdge(START, "echo").compile({ cache });
    await graph.invoke({ input: 1 });
    await graph.clearCache();
    await graph.invoke({ input: 1 });
    expect(work).toHaveBeenCalledTimes(2);
  });
});

describe("nodeCache alone", () => {
  test("keeps results over a restart, and apart by scope", async () => {
    const folder = mkdtempSync(join(tmpdir(), "strata-nodes-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const open = (tenant: string) => nodeCache({ tiers: [diskTier({ path: folder })], scope: { tenant } });
    const key: [string[], string] = [["ns"], "k"];
    const first = open("a");
    await first.set([{ key, value: [["output", 1]] }]);
    await first.close();
    const other = open("b");
    expect(await other.get([key])).toEqual([]);
    await other.clear([]);
    await other.close();
    const again = open("a");
    expect(await again.get([key])).toEqual([{ key, value: [["output", 1]] }]);
    await again.close();
    await again.close();
    expect(await again.get([key])).toEqual([]);
  });

  test("tells names apart that look alike when they are joined", async () => {
    const { cache } = ours();
    await cache.set([{ key: [["a", "b"], "c"], value: 1 }]);
    expect(
      await cache.get([
        [["a,b"], "c"],
        [["a"], "b,c"],
        [["a", "b", "c"], ""],
      ]),
    ).toEqual([]);
  });

  test("never lets stored data become code: what looks like a class is what it was", async () => {
    const { cache } = ours();
    const key: [string[], string] = [["ns"], "k"];
    const hostile = {
      lc: 1,
      type: "constructor",
      id: ["langchain_core", "messages", "HumanMessage"],
      kwargs: { content: "I was a dict" },
      inner: { lc: 2, type: "constructor", id: ["RegExp"], method: null, args: ["(a+)+$", ""], kwargs: {} },
      $: "message",
      v: "{}",
    };
    await cache.set([{ key, value: hostile }]);
    const [found] = await cache.get([key]);
    expect(found?.value).toEqual(hostile);
    expect(Object.getPrototypeOf(found?.value)).toBe(Object.prototype);
  });

  test.each([
    ["a message of an unknown kind", { $: "message", v: '{"v":1,"type":"constructor","content":""}' }],
    ["a kind that is not on the list", { $: "RegExp", v: "(a+)+$" }],
    ["a kind with a name of Object's", { $: "constructor", v: "x" }],
    ["a map that is none", { $: "map", v: [1] }],
    ["a number too long to be one", { $: "bigint", v: "9".repeat(5_000) }],
  ])("refuses stored bytes that are %s", (_name, stored) => {
    expect(() => decodeNodeValue(stored as never)).toThrow(/not what a node|damaged/);
  });

  test("leaves out keys that would change the prototype", () => {
    const made = decodeNodeValue(JSON.parse('{"a":{"__proto__":{"polluted":true},"b":1}}') as never) as { a: object };
    expect(made).toEqual({ a: { b: 1 } });
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test.each([
    ["a date", new Date(5)],
    ["no date", new Date(Number.NaN)],
    ["a document", new Document({ pageContent: "p", metadata: { n: 1 }, id: "d" })],
    ["a big integer", 12n],
    ["odd numbers", [Number.NaN, Infinity, -Infinity, -0]],
    ["an error", new Error("no")],
    ["an object with our own mark", { $: "x", v: { $: 1 } }],
  ])("gives %s back equal", (_name, value) => {
    const back = decodeNodeValue(JSON.parse(JSON.stringify(encodeNodeValue(value))) as never);
    expect(back).toEqual(value);
    expect(Object.getPrototypeOf(back)).toBe(Object.getPrototypeOf(value));
  });

  test("gives a message without an id none", () => {
    const back = decodeNodeValue(encodeNodeValue(new HumanMessage("hi"))) as HumanMessage;
    expect(back.id).toBeUndefined();
    expect(back.toDict()).toEqual(new HumanMessage("hi").toDict());
  });

  test("keeps no class that is not on the list, and no result that is too large; and says so", async () => {
    const events: StrataEvent[] = [];
    const cache = nodeCache({ tiers: [memoryTier()], maxValueBytes: "1kb", observer: (event) => events.push(event) });
    class Mine {
      readonly secret = 1;
    }
    const cycle: unknown[] = [];
    cycle.push(cycle);
    for (const value of [new Mine(), () => 1, cycle, "x".repeat(2_000)]) await cache.set([{ key: [["n"], "k"], value }]);
    expect(await cache.get([[["n"], "k"]])).toEqual([]);
    const reasons = events.flatMap((event) => (event.type === "cache.bypass" ? [event.reason] : []));
    expect(reasons).toEqual(["unstorable", "unstorable", "unstorable", "too-large"]);
    await cache.close();
  });

  test("neither fails nor delays a graph whose tier is broken", async () => {
    const tier = scriptedTier({ name: "broken", writes: "through" });
    const broken = (): never => {
      throw new Error("broken");
    };
    tier.script = { get: broken, set: broken, clear: broken };
    const cache = nodeCache({ tiers: [tier] });
    const graph = new StateGraph(Counted)
      .addNode("echo", ({ input }) => ({ output: input }), { cachePolicy: true })
      .addEdge(START, "echo")
      .compile({ cache });
    expect(await graph.invoke({ input: 1 })).toEqual({ input: 1, output: 1 });
    await cache.clear([]);
    expect(tier.calls).toEqual(["get", "set", "clear"]);
    await cache.close();
  });

  test("refuses options that it does not know", () => {
    expect(() => nodeCache({ tier: [] } as never)).toThrow(/nodeCache\.tier/);
    expect(() => nodeCache({ tiers: [memoryTier()], ttl: "1x" as never })).toThrow(/ttl/);
  });
});
