import { HumanMessage, SystemMessage, AIMessage, ToolMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";
import { TieredCache } from "../../../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../../../src/cache/tiers/memory.ts";
import { ListIndex, semanticBed, WordEmbeddings } from "../../../support/semantic-bed.ts";

describe("the semantic step", () => {
  it("serves the answer to a question in other words, and says how it came to it", async () => {
    const { ask, original, cache, embeddings, events } = semanticBed();
    await ask("How do I reset my account password please");
    const hit = await ask("How do I reset my account password");
    expect(hit.text).toBe("answer 1");
    expect(hit.strata).toMatchObject({ hit: true, source: "semantic", tier: "memory", hitId: expect.any(String) as string });
    expect(hit.strata?.["similarity"]).toBeGreaterThan(0.9);
    expect(hit.strata?.["ms"]).toEqual(expect.any(Number));
    expect(original.calls).toHaveLength(1);
    expect(embeddings.texts).toHaveLength(2);
    expect(cache.stats()).toMatchObject({ hits: 1, misses: 1, semantic: { lookups: 2, hits: 1, written: 1 } });
    expect(cache.stats().semantic?.reasons).toEqual({ "no-candidates": 1, similar: 1 });
    expect(events.filter(({ type }) => type === "semantic.lookup")).toMatchObject([
      { outcome: "missed", reason: "no-candidates" },
      { outcome: "served", reason: "similar", similarity: expect.any(Number) as number },
    ]);
  });

  it("goes to the model with what is not near enough", async () => {
    const { ask, original } = semanticBed();
    await ask("How do I reset my account password");
    expect((await ask("What is the weather like in Lisbon")).strata).toBeUndefined();
    expect(original.calls).toHaveLength(2);
  });

  it("leaves an exact hit to the tiers: no embedding, no search", async () => {
    const { ask, embeddings, index } = semanticBed();
    await ask("How do I reset my account password");
    const before = [embeddings.texts.length, index.searches];
    expect((await ask("How do I reset my account password")).strata).toMatchObject({ source: "exact" });
    expect([embeddings.texts.length, index.searches]).toEqual(before);
  });

  it("streams a semantic hit as it streams an exact one", async () => {
    const { model, cache } = semanticBed({
      script: {
        reply: () => ({ content: "one two three", additional_kwargs: { reasoning_content: "let me think" } }),
        chunks: () => [{ content: "never" }],
      },
    });
    await model.invoke("How do I reset my account password please");
    await cache.flush();
    let [text, reasoning] = ["", ""];
    let last: Record<string, unknown> = {};
    for await (const chunk of await model.stream("How do I reset my account password")) {
      text += chunk.text;
      reasoning += (chunk.additional_kwargs["reasoning_content"] as string | undefined) ?? "";
      last = chunk.response_metadata;
    }
    expect([text, reasoning]).toEqual(["one two three", "let me think"]);
    expect(last["strata"]).toMatchObject({ source: "semantic" });
  });

  it("needs to be told whose answers may meet", () => {
    const semantic = { embeddings: new WordEmbeddings(), index: new ListIndex() };
    expect(() => new TieredCache({ tiers: [memoryTier()], semantic })).toThrow("scope");
    expect(() => new TieredCache({ tiers: [memoryTier()], scope: "global", semantic })).not.toThrow();
  });

  it.each([
    ["semantic.embeddings", { embeddings: {} }],
    ["semantic.deadlines.index", { deadlines: { index: "soon" } }],
    ["semantic.include", { include: ["everything"] }],
    ["semantic.thresold", { thresold: 0.9 }],
    ["semantic.policy", { policy: 0.9 }],
    ["semantic.rollout.traffic", { rollout: { traffic: 2 } }],
  ])("refuses a bad %s by name", (name, part) => {
    const semantic = { embeddings: new WordEmbeddings(), index: new ListIndex(), ...(part as object) };
    expect(() => new TieredCache({ tiers: [memoryTier()], scope: "global", semantic })).toThrow(name);
  });
});

describe("what is compared", () => {
  const near = ["How do I reset my account password please", "How do I reset my account password"] as const;

  async function asks(first: readonly unknown[], second: readonly unknown[], options: object = {}): Promise<unknown> {
    const { model, cache } = semanticBed(options);
    await model.invoke(first as never);
    await cache.flush();
    const answer = await model.invoke(second as never);
    return (answer.response_metadata["strata"] as { source?: string } | undefined)?.source;
  }

  it("is the last user turn under equal earlier turns", async () => {
    const [a, b] = near;
    const turns = [new HumanMessage("hi"), new AIMessage("hello")];
    expect(await asks([...turns, new HumanMessage(a)], [...turns, new HumanMessage(b)])).toBe("semantic");
    const others = [new HumanMessage("hi there"), new AIMessage("hello")];
    expect(await asks([...turns, new HumanMessage(a)], [...others, new HumanMessage(b)])).toBeUndefined();
    expect(await asks([...turns, new HumanMessage(a)], [new HumanMessage(b)])).toBeUndefined();
  });

  it("never meets another system prompt", async () => {
    const [a, b] = near;
    const one = new SystemMessage("Answer briefly.");
    expect(await asks([one, new HumanMessage(a)], [one, new HumanMessage(b)])).toBe("semantic");
    expect(await asks([one, new HumanMessage(a)], [new SystemMessage("Answer briefly!"), new HumanMessage(b)])).toBeUndefined();
  });

  it("is not what a tool gave, unless asked for", async () => {
    const [a, b] = near;
    const turn = (question: string) => [
      new HumanMessage(question),
      new AIMessage({ content: "", tool_calls: [{ id: "c1", name: "find", args: {} }] }),
      new ToolMessage({ content: "42", tool_call_id: "c1" }),
    ];
    expect(await asks(turn(a), turn(b))).toBeUndefined();
    expect(await asks(turn(a), turn(b), { semantic: { include: ["tool-results"] } })).toBe("semantic");
  });

  it("is not an image", async () => {
    const picture = { type: "image_url", image_url: { url: "https://example.com/a.png" } };
    const turn = (text: string) => [new HumanMessage({ content: [{ type: "text", text }, picture] })];
    expect(await asks(turn(near[0]), turn(near[1]))).toBeUndefined();
  });
});
