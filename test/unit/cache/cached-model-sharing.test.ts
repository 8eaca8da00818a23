import { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import { afterEach, describe, expect, it } from "vitest";
import { cacheModel } from "../../../src/cache/model/cached-model.ts";
import { memoryTier, TieredCache } from "../../../src/index.ts";
import { hitOf } from "../../support/model-answers.ts";
import { door, ScriptedModel, settled, untilAborted, type Script } from "../../support/scripted-model.ts";

const caches: TieredCache[] = [];
afterEach(async () => {
  await Promise.all(caches.splice(0).map((cache) => cache.close()));
});

function newModel(
  script: Script,
  settings: ConstructorParameters<typeof TieredCache>[0] = {},
): { original: ScriptedModel; model: ScriptedModel; cache: TieredCache } {
  const original = new ScriptedModel({ model: "scripted-1", ...script });
  const cache = new TieredCache({ tiers: [memoryTier()], ...settings });
  caches.push(cache);
  return { original, model: cacheModel(original, { cache }), cache };
}

interface Reader {
  readonly chunks: AIMessageChunk[];
  readonly done: Promise<void>;
}

/** Reads a stream in the background. */
function read(stream: Promise<AsyncIterable<AIMessageChunk>>): Reader {
  const chunks: AIMessageChunk[] = [];
  const done = (async () => {
    for await (const chunk of await stream) chunks.push(chunk);
  })();
  done.catch(() => undefined);
  return { chunks, done };
}

function textOf(chunks: readonly AIMessageChunk[]): string {
  return chunks.map(({ text }) => text).join("");
}

/** A stream of three chunks, with a door before the second. */
function twoParts(gate: { readonly opened: Promise<void> }): NonNullable<Script["chunks"]> {
  return async function* () {
    yield { content: "", additional_kwargs: { reasoning_content: "hm" } };
    await gate.opened;
    yield "yes";
    yield { content: "!", usage_metadata: { input_tokens: 1, output_tokens: 2, total_tokens: 3 } };
  };
}

describe("identical calls at the same time", () => {
  it("share one call of the model, a thousand of them, each with an answer of its own", async () => {
    const gate = door();
    const { original, model, cache } = newModel({
      reply: async () => {
        await gate.opened;
        return { content: [{ type: "text", text: "yes" }] };
      },
    });
    const asked = Array.from({ length: 1_000 }, () => model.invoke("hi"));
    await settled();
    gate.open();
    const answers = await Promise.all(asked);
    expect(original.calls).toHaveLength(1);
    expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(["yes"]));
    expect(new Set(answers.map(({ content }) => content)).size).toBe(1_000);
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1_000);
    expect(answers.slice(1).every((answer) => hitOf(answer).tier === "coalesced")).toBe(true);
    expect(cache.stats()).toMatchObject({ hits: 999, misses: 1, coalesced: 999, writes: 1 });
  });

  it("share one call through several wrappers of a cache", async () => {
    const gate = door();
    const { original, cache } = newModel({ reply: () => gate.opened.then(() => "yes") });
    const asked = [cacheModel(original, { cache }), cacheModel(original, { cache })].map((model) => model.invoke("hi"));
    await settled();
    gate.open();
    await Promise.all(asked);
    expect(original.calls).toHaveLength(1);
  });

  it("fail together with the error of the one, and are tried again by the next", async () => {
    const gate = door();
    const { original, model } = newModel({
      reply: async ({ number }) => {
        await gate.opened;
        if (number === 1) throw new Error("overloaded");
        return "yes";
      },
    });
    const asked = Array.from({ length: 10 }, () => model.invoke("hi"));
    await settled();
    gate.open();
    const outcomes = await Promise.allSettled(asked);
    expect(outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason.message as string)).toEqual(
      Array(10).fill("overloaded"),
    );
    expect(original.calls).toHaveLength(1);
    expect((await model.invoke("hi")).content).toBe("yes");
  });

  it("share an answer that is not kept", async () => {
    const gate = door();
    const { original, model, cache } = newModel({
      reply: () => gate.opened.then(() => ({ content: "half", response_metadata: { finish_reason: "length" } })),
    });
    const asked = [model.invoke("hi"), model.invoke("hi")];
    await settled();
    gate.open();
    expect((await Promise.all(asked)).map(({ content }) => content)).toEqual(["half", "half"]);
    expect(original.calls).toHaveLength(1);
    expect(cache.stats().writes).toBe(0);
  });

  it("each ask the model when its answer cannot be given to others", async () => {
    const gate = door();
    const { original, model } = newModel({
      reply: () => gate.opened.then(() => ({ content: "yes", additional_kwargs: { at: new Date(0) } })),
    });
    const asked = [model.invoke("hi"), model.invoke("hi")];
    await settled();
    gate.open();
    expect((await Promise.all(asked)).map(({ additional_kwargs: { at } }) => at)).toEqual([new Date(0), new Date(0)]);
    expect(original.calls).toHaveLength(2);
  });

  it("are not shared when the user says so", async () => {
    const gate = door();
    const { original, model } = newModel({ reply: () => gate.opened.then(() => "yes") }, { coalesce: false });
    const asked = [model.invoke("hi"), model.invoke("hi")];
    await settled();
    gate.open();
    await Promise.all(asked);
    expect(original.calls).toHaveLength(2);
  });

  it.each(["invoke and invoke", "stream and stream", "stream and invoke", "invoke and stream"])(
    "are not shared where the rollout serves nobody: %s",
    async (ways) => {
      const gate = door();
      const { original, model, cache } = newModel(
        { reply: () => gate.opened.then(() => "yes!"), chunks: twoParts(gate) },
        { rollout: { mode: "shadow" } },
      );
      const asked = ways.split(" and ").map(async (way) => {
        if (way === "invoke") return [await model.invoke("hi")];
        const reader = read(model.stream("hi"));
        await reader.done;
        return reader.chunks;
      });
      await settled();
      gate.open();
      for (const messages of await Promise.all(asked)) {
        expect(messages.map(({ text }) => text).join("")).toBe("yes!");
        expect(messages.some(({ response_metadata: { strata } }) => strata !== undefined)).toBe(false);
      }
      expect(original.calls).toHaveLength(2);
      expect(cache.stats()).toMatchObject({ hits: 0, misses: 2, coalesced: 0 });
    },
  );

  it("are shared in the scopes that the rollout lets be served", async () => {
    const gate = door();
    const rollout = { traffic: 0, scopes: [{ scope: { tenant: "ours" }, traffic: 1 }] };
    const { original, model } = newModel({ reply: () => gate.opened.then(() => "yes") }, { rollout });
    const ask = (tenant: string) => model.invoke("hi", { configurable: { strata: { scope: { tenant } } } });
    const asked = [ask("ours"), ask("ours"), ask("theirs"), ask("theirs")];
    await settled();
    gate.open();
    await Promise.all(asked);
    expect(original.calls).toHaveLength(3);
  });

  it("do not give a stored answer to whoever asks for a fresh one", async () => {
    const { original, model } = newModel({ reply: ({ number }) => `answer ${number}` });
    await model.invoke("hi");
    const [fresh, stored] = await Promise.all([
      model.invoke("hi", { configurable: { strata: { refresh: true } } }),
      model.invoke("hi"),
    ]);
    expect([fresh.content, stored.content]).toEqual(["answer 2", "answer 1"]);
    expect(original.calls).toHaveLength(2);
  });
});

describe("a caller who aborts", () => {
  it("ends its own wait only", async () => {
    const gate = door();
    const { original, model } = newModel({
      reply: ({ options }) => Promise.race([gate.opened.then(() => "yes"), untilAborted(options.signal)]),
    });
    const controller = new AbortController();
    // The one that leads is the one that goes.
    const leader = model.invoke("hi", { signal: controller.signal });
    const follower = model.invoke("hi");
    await settled();
    controller.abort(new Error("enough"));
    await expect(leader).rejects.toThrow("enough");
    gate.open();
    expect((await follower).content).toBe("yes");
    expect(original.calls).toHaveLength(1);
    expect((await model.invoke("hi")).content).toBe("yes");
    expect(original.calls).toHaveLength(1);
  });

  it("stops the model when it was the last", async () => {
    const { original, model, cache } = newModel({ reply: ({ options }) => untilAborted(options.signal) });
    const controllers = [new AbortController(), new AbortController()];
    const asked = Promise.allSettled(controllers.map(({ signal }) => model.invoke("hi", { signal })));
    await settled();
    const signal = original.calls[0]?.options.signal;
    controllers[0]?.abort(new Error("first"));
    await settled();
    expect(signal?.aborted).toBe(false);
    controllers[1]?.abort(new Error("second"));
    expect((await asked).map((outcome) => (outcome as PromiseRejectedResult).reason.message as string)).toEqual([
      "first",
      "second",
    ]);
    expect(signal?.aborted).toBe(true);
    expect(cache.stats().writes).toBe(0);
  });

  it("before it asked costs no call", async () => {
    const { original, model } = newModel({ reply: () => "yes", chunks: () => ["yes"] });
    const signal = AbortSignal.abort(new Error("too late"));
    await expect(model.invoke("hi", { signal })).rejects.toThrow("too late");
    await expect(read(model.stream("hi", { signal })).done).rejects.toThrow("too late");
    expect(original.calls).toHaveLength(0);
  });

  it("leaves nothing behind from models that end quietly with what they have", async () => {
    const controller = new AbortController();
    const { original, model, cache } = newModel({
      reply: async ({ options, number }) => {
        if (number > 1) return "whole";
        await untilAborted(options.signal).catch(() => undefined);
        return "half";
      },
    });
    const asked = model.invoke("hi", { signal: controller.signal });
    await settled();
    controller.abort(new Error("enough"));
    await expect(asked).rejects.toThrow("enough");
    await settled();
    expect(cache.stats().writes).toBe(0);
    expect((await model.invoke("hi")).content).toBe("whole");
    expect(original.calls).toHaveLength(2);
  });

  it("does not make a model stream that streams only for those who can abort", async () => {
    const { original, model } = newModel({ reply: () => "yes" });
    await model.invoke("hi");
    expect(original.calls[0]?.options.signal).toBeUndefined();
  });

  it("is let go by a deadline, too", async () => {
    const { model } = newModel({ reply: ({ options }) => untilAborted(options.signal) });
    await expect(model.invoke("hi", { timeout: 20 })).rejects.toThrow(/timeout/i);
  });
});

describe("identical streams at the same time", () => {
  it("are one stream, which each reads from its beginning, as it comes", async () => {
    const gate = door();
    const { original, model, cache } = newModel({ chunks: twoParts(gate) });
    const leader = read(model.stream("hi"));
    await settled();
    const follower = read(model.stream("hi"));
    await settled();
    expect(follower.chunks.map(({ additional_kwargs }) => additional_kwargs["reasoning_content"])).toEqual(["hm"]);
    gate.open();
    await Promise.all([leader.done, follower.done]);
    expect(original.calls).toHaveLength(1);
    expect(textOf(leader.chunks)).toBe("yes!");
    expect(textOf(follower.chunks)).toBe("yes!");
    expect(cache.stats()).toMatchObject({ hits: 1, coalesced: 1, misses: 1, saved: { tokens: 3 } });
  });

  it("count usage once, and say of the others what they saved", async () => {
    const gate = door();
    const { model } = newModel({ chunks: twoParts(gate) });
    const [leader, follower] = [read(model.stream("hi")), read(model.stream("hi"))];
    await settled();
    gate.open();
    await Promise.all([leader.done, follower.done]);
    const [first, second] = [leader, follower].map(({ chunks }) => chunks.reduce((whole, chunk) => whole.concat(chunk)));
    expect(first?.usage_metadata).toMatchObject({ total_tokens: 3 });
    expect(second?.usage_metadata).toMatchObject({ total_tokens: 0 });
    expect(follower.chunks.filter(({ usage_metadata }) => usage_metadata !== undefined)).toHaveLength(1);
    expect(hitOf(second as never)).toMatchObject({ tier: "coalesced", savedUsage: { total_tokens: 3 } });
    expect(second?.id).toBe(`strata-${hitOf(second as never).hitId}`);
    expect(first?.additional_kwargs).toEqual(second?.additional_kwargs);
  });

  it("are shared with who wants the answer whole, and the other way round", async () => {
    const gate = door();
    const { original, model } = newModel({ chunks: twoParts(gate), reply: () => gate.opened.then(() => "whole") });
    const [stream, whole] = [read(model.stream("hi")), model.invoke("hi")];
    await settled();
    gate.open();
    await stream.done;
    expect((await whole).content).toBe("yes!");
    expect((await whole).additional_kwargs["reasoning_content"]).toBe("hm");

    const [first, second] = [model.invoke("ho"), read(model.stream("ho"))];
    await second.done;
    expect([(await first).content, textOf(second.chunks)]).toEqual(["whole", "whole"]);
    expect(original.calls).toHaveLength(2);
  });

  it("do not make who wants the answer whole wait for a slow reader", async () => {
    const { original, model } = newModel({ chunks: () => ["one ", "two ", "three"] });
    const slow = (await model.stream("hi"))[Symbol.asyncIterator]();
    await slow.next();
    const whole = await model.invoke("hi");
    expect(whole.content).toBe("one two three");
    expect(Object.getPrototypeOf(whole)).toBe(AIMessage.prototype);
    expect((await slow.next()).value).toMatchObject({ content: "two " });
    expect(original.calls).toHaveLength(1);
  });

  it("go on for the others when the one that leads leaves", async () => {
    const gate = door();
    const { original, model, cache } = newModel({ chunks: twoParts(gate) });
    const leader = await model.stream("hi");
    const follower = read(model.stream("hi"));
    // LangChain's streams read one chunk ahead on Node 24, so leaving takes until the next chunk has come.
    const left = leave(leader);
    await settled();
    gate.open();
    await Promise.all([left, follower.done]);
    expect(textOf(follower.chunks)).toBe("yes!");
    expect(original.calls).toHaveLength(1);
    expect(cache.stats().writes).toBe(1);
  });

  it("fail together, after what was said before", async () => {
    const gate = door();
    const { original, model, cache } = newModel({
      chunks: async function* () {
        yield "ye";
        await gate.opened;
        throw new Error("connection lost");
      },
    });
    const readers = [read(model.stream("hi")), read(model.stream("hi"))];
    await settled();
    gate.open();
    for (const { done, chunks } of readers) {
      await expect(done).rejects.toThrow("connection lost");
      expect(textOf(chunks)).toBe("ye");
    }
    expect(original.calls).toHaveLength(1);
    expect(cache.stats().writes).toBe(0);
  });

  it("do not see what the others do to their chunks", async () => {
    const { model } = newModel({
      chunks: () => [{ content: [{ type: "text", text: "yes", index: 0 }], additional_kwargs: { deep: { list: [1] } } }] as never,
    });
    const readers = [read(model.stream("hi")), read(model.stream("hi"))];
    await readers[0]?.done;
    const mine = readers[0]?.chunks[0];
    if (mine === undefined) throw new Error("Nothing was read.");
    (mine.content as { text: string }[])[0]!.text = "TAMPERED";
    (mine.additional_kwargs["deep"] as { list: number[] }).list.push(2);
    await readers[1]?.done;
    const whole = readers[1]?.chunks.reduce((all, chunk) => all.concat(chunk));
    expect(whole?.text).toBe("yes");
    expect(whole?.additional_kwargs["deep"]).toEqual({ list: [1] });
  });
});

async function leave(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _chunk of stream) break;
}

describe("a stream that was not read to its end", () => {
  it("is not kept, and the model is not asked for the rest", async () => {
    const said: string[] = [];
    let isClosed = false;
    const { original, model, cache } = newModel({
      chunks: function* () {
        try {
          for (const word of ["one", "two", "three"]) {
            said.push(word);
            yield word;
          }
        } finally {
          isClosed = true;
        }
      },
    });
    for await (const _chunk of await model.stream("hi", { signal: new AbortController().signal })) break;
    await settled();
    // On Node 24 LangChain's streams read one ahead.
    expect(said.length).toBeLessThan(3);
    expect(isClosed).toBe(true);
    // Nobody has asked for the request to be aborted.
    expect(original.calls[0]?.options.signal?.aborted).toBe(false);
    expect(cache.stats().writes).toBe(0);
    for await (const _chunk of await model.stream("hi")) break;
    expect(original.calls).toHaveLength(2);
  });

  it("is not kept when it was aborted, also by models that then end quietly", async () => {
    const controller = new AbortController();
    const { original, model, cache } = newModel({
      chunks: async function* ({ options }) {
        yield "half";
        await untilAborted(options.signal).catch(() => undefined);
      },
    });
    const reader = read(model.stream("hi", { signal: controller.signal }));
    await settled();
    controller.abort(new Error("enough"));
    await expect(reader.done).rejects.toThrow("enough");
    await settled();
    expect(textOf(reader.chunks)).toBe("half");
    expect(original.calls).toHaveLength(1);
    expect(cache.stats().writes).toBe(0);
  });

  it("is not kept when a provider ends it without a reason", async () => {
    const metadata = { model_provider: "openai" };
    const { original, model, cache } = newModel({
      chunks: ({ number }) => [
        { content: "ha", response_metadata: metadata },
        { content: "lf", response_metadata: metadata },
        ...(number === 1 ? [] : [{ content: "", response_metadata: { finish_reason: "stop" } }]),
      ],
    });
    for (let time = 0; time < 3; time++) await read(model.stream("hi")).done;
    expect(original.calls).toHaveLength(2);
    expect(cache.stats()).toMatchObject({ writes: 1, bypassed: { "not-admitted": 1 } });
  });

  it("is not kept when it is several answers in one", async () => {
    const candidate = (completion: number): ChatGenerationChunk =>
      new ChatGenerationChunk({ text: "x", message: new AIMessageChunk("x"), generationInfo: { completion } });
    const { model, cache } = newModel({ chunks: () => [candidate(0), candidate(1)] });
    await read(model.stream("hi")).done;
    expect(cache.stats()).toMatchObject({ writes: 0, bypassed: { "not-admitted": 1 } });
  });
});
