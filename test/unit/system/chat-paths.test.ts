/** What a call of chat() says of itself on each way that an answer can take, and what many callers at once, failures and the end do to it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UsageMetadata } from "@langchain/core/messages";
import { describe, expect, onTestFinished, test } from "vitest";
import { manualClock } from "../../../src/core/clock.ts";
import { createStrata } from "../../../src/create-strata.ts";
import type { ChatEvent, ChatResult } from "../../../src/system/chat/chat-result.ts";
import type { StrataConfig } from "../../../src/system/config/strata-config.ts";
import type { Strata } from "../../../src/system/strata.ts";
import { door, ScriptedModel, untilAborted, type Script } from "../../support/scripted-model.ts";

const USAGE = { input_tokens: 5, output_tokens: 7, total_tokens: 12 };
const SAVED = { tokens: 12, inputTokens: 5, outputTokens: 7 };
const NOTHING = { tokens: 0, inputTokens: 0, outputTokens: 0 };
const ASKED = "Qual é o prazo para devolver uma encomenda?";
const REPHRASED = "Qual o prazo para a devolução de uma encomenda?";

interface Bed {
  readonly strata: Strata;
  readonly model: ScriptedModel;
  readonly data: string;
}

async function bed(script: Script = {}, config: StrataConfig = {}): Promise<Bed> {
  const data = mkdtempSync(join(tmpdir(), "strata-chat-"));
  const model = new ScriptedModel({
    model: "scripted",
    reply: ({ messages, number }) => ({ content: `${number}: ${messages.at(-1)?.text}`, usage_metadata: USAGE }),
    ...script,
  });
  const strata = await createStrata({ data, model, ...config });
  onTestFinished(async () => {
    await strata.close();
    rmSync(data, { recursive: true, force: true });
  });
  return { strata, model, data };
}

async function end(events: AsyncIterable<ChatEvent>): Promise<ChatResult> {
  let result: ChatResult | undefined;
  for await (const event of events) if (event.type === "end") ({ result } = event);
  if (result === undefined) throw new Error("The stream had no end.");
  return result;
}

function tokensOf(usage: Partial<UsageMetadata> | undefined): number {
  return usage?.total_tokens ?? 0;
}

function expectTimes({ timings: { total, context, memory, answer, store } }: ChatResult): void {
  for (const part of [context, memory, answer, store]) expect(part).toBeGreaterThanOrEqual(0);
  expect(total).toBeGreaterThanOrEqual(Math.max(context, memory) + answer + store);
}

describe("an answer", () => {
  test("of the model has its usage and saves nothing; an exact hit has none and saves it; streamed alike", async () => {
    const { strata } = await bed();
    for (const ask of [(q: string) => strata.chat(q), (q: string) => end(strata.stream(q))]) {
      const question = `${ASKED} ${String(ask)}`;
      const miss = await ask(question);
      expect(miss).toMatchObject({ cached: false, source: "model", savings: NOTHING });
      expect(miss.message.usage_metadata).toMatchObject(USAGE);
      const hit = await ask(question);
      expect(hit).toMatchObject({ cached: true, source: "exact", tier: "memory", savings: SAVED, text: miss.text });
      expect(hit.message.usage_metadata).toMatchObject({ input_tokens: 0, output_tokens: 0, total_tokens: 0 });
      expect(hit.message.id).not.toBe(miss.message.id);
      for (const result of [miss, hit]) expectTimes(result);
    }
    expect((await strata.stats()).chat).toEqual({ questions: 4, cached: 2, failed: 0, savedTokens: 24 });
  });

  test("to the same question in other words says how near it was, saves as much, and can be told to be wrong", async () => {
    const { strata, model } = await bed({}, { cache: { semantic: { policy: "static", similarity: 0.6 } } });
    await strata.chat(ASKED);
    await strata.cache.flush();
    const hit = await strata.chat(REPHRASED);
    expect(hit).toMatchObject({ cached: true, source: "semantic", savings: SAVED, text: `1: ${ASKED}` });
    expect(hit.message.response_metadata["strata"]).toMatchObject({ similarity: expect.any(Number) as number });
    expect((await strata.chat("O que é um order block?")).cached).toBe(false);
    await strata.cache.feedback(hit.hitId ?? "", "wrong");
    expect((await strata.chat(REPHRASED)).cached).toBe(false);
    expect(model.calls).toHaveLength(3);
  });

  test("that was adapted says so, and saves less by what adapting used", async () => {
    const adapt = {
      name: "rewriter",
      adapt: async () => ({ text: "Trinta dias.", usage: { input_tokens: 2, output_tokens: 1, total_tokens: 3 } }),
    };
    const semantic = { policy: "static", similarity: 0.999, adapt } as const;
    const { strata, model } = await bed({}, { cache: { semantic: { ...semantic, adaptFrom: 0.6 } } });
    await strata.chat(ASKED);
    await strata.cache.flush();
    const hit = await strata.chat(REPHRASED);
    expect(hit).toMatchObject({ cached: true, source: "adapted", text: "Trinta dias." });
    expect(hit.savings).toEqual({ tokens: 9, inputTokens: 3, outputTokens: 6 });
    expect(model.calls).toHaveLength(1);
  });

  test("past its time is served to all but the one who asks the model anew", async () => {
    const clock = manualClock();
    const ready = door();
    const reply: Script["reply"] = async ({ number }) => {
      if (number > 1) await ready.opened;
      return { content: `answer ${number}`, usage_metadata: USAGE };
    };
    const { strata, model } = await bed({ reply }, { clock, cache: { ttl: "1m", stale: "1h", disk: false } });
    await strata.chat(ASKED);
    await clock.advance(120_000);
    const refreshing = strata.chat(ASKED);
    await expect.poll(() => model.calls.length).toBe(2);
    const others = await Promise.all([strata.chat(ASKED), strata.chat(ASKED)]);
    for (const other of others) expect(other).toMatchObject({ cached: true, source: "exact", text: "answer 1", savings: SAVED });
    ready.open();
    expect(await refreshing).toMatchObject({ cached: false, source: "model", text: "answer 2", savings: NOTHING });
    expect(await strata.chat(ASKED)).toMatchObject({ cached: true, text: "answer 2" });
    expect(model.calls).toHaveLength(2);
  });
});

describe("a thousand callers at once", () => {
  test("of one question: the model is asked once, and who waited paid nothing", async () => {
    const ready = door();
    const { strata, model } = await bed({
      async reply() {
        await ready.opened;
        return { content: "Trinta dias.", usage_metadata: USAGE };
      },
    });
    const asked = Array.from({ length: 1_000 }, (_, at) => (at % 2 === 0 ? strata.chat(ASKED) : end(strata.stream(ASKED))));
    await expect.poll(() => model.calls.length).toBeGreaterThan(0);
    ready.open();
    const results = await Promise.all(asked);
    expect(new Set(results.map(({ text }) => text))).toEqual(new Set(["Trinta dias."]));
    expect(model.calls).toHaveLength(1);
    expect(results.filter(({ cached }) => !cached)).toHaveLength(1);
    const used = results.reduce((sum, { message }) => sum + tokensOf(message.usage_metadata), 0);
    expect(used).toBe(USAGE.total_tokens);
    expect((await strata.stats()).chat).toMatchObject({ questions: 1_000, cached: 999, savedTokens: 999 * 12 });
  });

  test("of a hundred questions, some of whom leave: each who stays has the answer to the own question", async () => {
    const { strata, model } = await bed();
    const leaving = new AbortController();
    const asked = Array.from({ length: 1_000 }, (_, at) => {
      const question = `Pergunta número ${at % 100}?`;
      const answer = strata.chat(question, at % 10 === 3 ? { signal: leaving.signal } : {});
      return answer.then(
        ({ text }) => expect(text).toMatch(new RegExp(`^\\d+: ${question.replace("?", "\\?")}$`)),
        (error: unknown) => expect(error).toMatchObject({ message: "left" }),
      );
    });
    leaving.abort(new Error("left"));
    await Promise.all(asked);
    expect(model.calls.length).toBeLessThanOrEqual(101);
  });
});

describe("a failure of the model", () => {
  const broken = Object.assign(new Error("402 Insufficient Balance"), { status: 402 });

  test("is the caller's as it is, before an answer and in the middle of a stream, and nothing is kept", async () => {
    const { strata } = await bed({
      reply: () => {
        throw broken;
      },
      *chunks() {
        yield "Trin";
        throw broken;
      },
    });
    await expect(strata.chat(ASKED)).rejects.toBe(broken);
    const seen: ChatEvent[] = [];
    const streaming = (async () => {
      for await (const event of strata.stream(ASKED)) seen.push(event);
    })();
    await expect(streaming).rejects.toBe(broken);
    expect(seen).toEqual([{ type: "text", text: "Trin" }]);
    expect((await strata.stats()).chat).toMatchObject({ questions: 2, failed: 2, cached: 0 });
    expect(strata.cache.stats().tiers.find(({ name }) => name === "memory")?.entries).toBe(0);
  });
});

describe("close() while an answer is under way", () => {
  test("waits for it, and it is kept", async () => {
    const [begun, ready] = [door(), door()];
    const script: Script = {
      async *chunks() {
        yield "Trinta ";
        begun.open();
        await ready.opened;
        yield { content: "dias.", response_metadata: { finish_reason: "stop" } };
      },
    };
    const { strata, data } = await bed(script);
    const answer = end(strata.stream(ASKED));
    await begun.opened;
    const closing = strata.close();
    await expect(strata.chat(ASKED)).rejects.toMatchObject({ code: "CLOSED" });
    ready.open();
    expect(await answer).toMatchObject({ text: "Trinta dias.", cached: false });
    await closing;
    const again = await bed({}, { data });
    expect(await again.strata.chat(ASKED)).toMatchObject({ text: "Trinta dias.", cached: true, tier: "disk" });
    expect(again.model.calls).toHaveLength(0);
  });

  test("ends one that takes too long, and the model's call with it", async () => {
    const clock = manualClock();
    let signal: AbortSignal | undefined;
    const reply: Script["reply"] = ({ options }) => ((signal = options.signal), untilAborted(options.signal));
    const { strata } = await bed({ reply }, { clock, cache: { disk: false } });
    const answer = expect(strata.chat(ASKED)).rejects.toMatchObject({ code: "CLOSED" });
    await expect.poll(() => signal).toBeDefined();
    const closing = strata.close();
    await clock.advance(8_000);
    await answer;
    expect(signal?.aborted).toBe(true);
    await closing;
  });
});
