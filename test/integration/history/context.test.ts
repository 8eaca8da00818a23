import { AIMessage, HumanMessage, SystemMessage, ToolMessage, type BaseMessage } from "@langchain/core/messages";
import { describe, expect, test } from "vitest";
import { isSummaryMessage } from "../../../src/history/chat-history.ts";
import type { SummaryModel } from "../../../src/history/summaries/summarizer.ts";
import { estimateTokens } from "../../../src/history/tokens.ts";
import type { StrataEvent } from "../../../src/core/events.ts";
import { conversationBed, ENGINES } from "../../support/conversation-bed.ts";

interface ScriptedSummarizer extends SummaryModel {
  readonly asked: Array<{ readonly summary: string; readonly messages: ReadonlyArray<{ readonly text: string }> }>;
}

/** Says how many messages it has seen, and the last of them. */
function summarizer(reply?: () => string | Promise<string>): ScriptedSummarizer {
  const asked: ScriptedSummarizer["asked"] = [];
  return {
    asked,
    async invoke(messages) {
      const question = JSON.parse(messages.at(-1)?.text ?? "") as ScriptedSummarizer["asked"][number];
      asked.push(question);
      const last = question.messages.at(-1)?.text ?? "";
      return new AIMessage((await reply?.()) ?? `<think>hm</think>up to: ${last.slice(0, 40)}`);
    },
  };
}

function turn(number: number): BaseMessage {
  const text = `turn ${number}: ${"some words of a conversation ".repeat(6)}`;
  return number % 2 === 0
    ? new HumanMessage({ id: `m${number}`, content: text })
    : new AIMessage({ id: `m${number}`, content: text });
}

function turns(from: number, to: number): BaseMessage[] {
  return Array.from({ length: to - from }, (_, index) => turn(from + index));
}

function ids(messages: readonly BaseMessage[]): Array<string | undefined> {
  return messages.map(({ id }) => id);
}

function tokensOf(messages: readonly BaseMessage[]): number {
  return messages.reduce((sum, message) => sum + estimateTokens(message), 0);
}

describe.each(ENGINES)("the context of a conversation on %s", (engine) => {
  const bed = conversationBed(engine);

  test("of 1,000 messages takes a tenth of their tokens at most, with the last ten whole", async () => {
    const store = await bed.store();
    const model = summarizer();
    const history = store.history({ sessionId: "s", window: 10, summarizer: model });
    const all = turns(0, 1_000);
    await history.addMessages([new SystemMessage("Be brief."), ...all]);
    await store.drain();
    const context = await history.context();
    expect(tokensOf(context)).toBeLessThan(tokensOf(all) / 10);
    expect(ids(context.slice(-10))).toEqual(ids(all.slice(-10)));
    expect(context[0]?.text).toBe("Be brief.");
    expect(context.filter(isSummaryMessage)).toHaveLength(1);
    expect(context[1]?.text).toContain("up to: turn 989");
    expect(context[1]?.text).not.toContain("<think>");
    // Every message was given to the model once, in order.
    const seen = model.asked.flatMap(({ messages }) => messages.map(({ text }) => /\d+/.exec(text)?.[0]));
    expect(seen).toEqual(Array.from({ length: 990 }, (_, number) => String(number)));
    expect(model.asked[1]?.summary).toMatch(/^up to: /);
    // It is no message of the conversation.
    await history.addMessages(context);
    await store.drain();
    expect((await store.history({ sessionId: "s" }).getMessages()).length).toBe(1_001);
  });

  test("misses no message between the summary and the window", async () => {
    const store = await bed.store();
    const history = store.history({ sessionId: "s", window: 6, summarizer: summarizer() });
    for (let number = 0; number < 40; number++) {
      await history.addMessage(turn(number));
      await store.drain();
      const context = await history.context();
      const summary = context.find(isSummaryMessage);
      const covered = summary === undefined ? -1 : Number(/up to: turn (\d+)/.exec(summary.text)?.[1]);
      const said = context.filter((message) => !isSummaryMessage(message)).map(({ id }) => Number(id?.slice(1)));
      expect(said[0]).toBeLessThanOrEqual(covered + 1);
      expect(said).toEqual(Array.from({ length: number + 1 - (said[0] ?? 0) }, (_, at) => (said[0] ?? 0) + at));
      expect(said.length).toBeLessThanOrEqual(10);
    }
  });

  test("goes on without a summary when the model fails, and says so", async () => {
    const events: StrataEvent[] = [];
    const store = await bed.store({ observer: (event) => void events.push(event) });
    let isBroken = true;
    const model = summarizer(() => (isBroken ? Promise.reject(new Error("no model today")) : "fine"));
    const history = store.history({ sessionId: "s", window: 4, summarizer: model });
    await history.addMessages(turns(0, 30));
    await store.drain();
    expect(ids(await history.context()).slice(-4)).toEqual(["m26", "m27", "m28", "m29"]);
    expect(events.filter(({ type }) => type === "history.summary")).toMatchObject([{ outcome: "failed", code: "ENGINE" }]);
    isBroken = false;
    await history.addMessages(turns(30, 34));
    await store.drain();
    expect((await history.context())[0]?.text).toContain('{"summary":"fine"}');
  });

  test("is summarised anew after a correction or a removal, and not at all after a clearing", async () => {
    const store = await bed.store();
    const model = summarizer();
    const history = store.history({ sessionId: "s", ownerId: "ada", window: 4, summarizer: model });
    await history.addMessages(turns(0, 20));
    await store.drain();
    expect((await history.context()).some(isSummaryMessage)).toBe(true);
    await store.remove({ ownerId: "ada", messageId: "m3" });
    expect((await history.context()).some(isSummaryMessage)).toBe(false);
    await history.addMessages(turns(20, 24));
    await store.drain();
    expect((await history.context()).some(isSummaryMessage)).toBe(true);
    expect(model.asked.at(-1)?.messages.some(({ text }) => text.startsWith("turn 3:"))).toBe(false);
    await history.clear();
    expect(await history.context()).toEqual([]);
    const left = await (await bed.sql()).query("SELECT * FROM strata_summaries");
    expect(left).toEqual([]);
  });

  test("of a forgotten owner is not brought back by a summary that was under way", async () => {
    const store = await bed.store();
    let finish: (text: string) => void = () => undefined;
    let asked: () => void = () => undefined;
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    const model = summarizer(
      () =>
        new Promise((resolve) => {
          finish = resolve;
          asked();
        }),
    );
    const history = store.history({ sessionId: "s", ownerId: "ada", window: 4, summarizer: model });
    await history.addMessages(turns(0, 20));
    await isAsked;
    await store.forget({ ownerId: "ada" });
    await store
      .history({ sessionId: "s", ownerId: "ada" })
      .addMessages(turns(0, 20).map((message) => new HumanMessage(message.text)));
    finish("a secret");
    await store.drain();
    expect(JSON.stringify(await history.context())).not.toContain("a secret");
    expect(await (await bed.sql()).query("SELECT * FROM strata_summaries")).toEqual([]);
  });

  test("never parts tool calls from their results, wherever the window ends", async () => {
    const store = await bed.store();
    const call = (id: string): AIMessage =>
      new AIMessage({
        id,
        content: "",
        tool_calls: [
          { id: `${id}-1`, name: "f", args: {} },
          { id: `${id}-2`, name: "g", args: {} },
        ],
      });
    const result = (id: string): ToolMessage => new ToolMessage({ id: `r${id}`, content: "ok", tool_call_id: id });
    const messages: BaseMessage[] = [];
    for (let group = 0; group < 12; group++) {
      messages.push(
        new HumanMessage({ id: `h${group}`, content: "q" }),
        call(`c${group}`),
        result(`c${group}-1`),
        result(`c${group}-2`),
      );
      if (group % 3 === 0) messages.push(new AIMessage({ id: `a${group}`, content: "done" }));
    }
    await store.history({ sessionId: "s" }).addMessages(messages);
    for (let window = 1; window < 30; window++) {
      const history = store.history({ sessionId: "s", window });
      for (const chosen of [await history.context(), await history.getMessages()]) {
        expect(ids(chosen)).toEqual(ids(messages.slice(-chosen.length)));
        expect(chosen.length).toBeGreaterThanOrEqual(Math.min(window, messages.length));
        expect(chosen.length).toBeLessThan(window + 3);
        expect(ToolMessage.isInstance(chosen[0])).toBe(false);
      }
    }
  });

  test("keeps within a number of tokens, counted as the user says, and always has the newest message", async () => {
    const store = await bed.store();
    await store.history({ sessionId: "s" }).addMessages(turns(0, 30));
    const window = (tokens: number): { messages: number; tokens: number; countTokens: () => number } => ({
      messages: 20,
      tokens,
      countTokens: () => 10,
    });
    expect(await store.history({ sessionId: "s", window: window(55) }).context()).toHaveLength(5);
    expect(await store.history({ sessionId: "s", window: window(1) }).context()).toHaveLength(1);
    expect(await store.history({ sessionId: "s", window: window(1_000) }).context()).toHaveLength(20);
    expect(await store.history({ sessionId: "s" }).context()).toHaveLength(20);
  });

  test("tells what an owner talked about lately, over sessions", async () => {
    const store = await bed.store();
    const model = summarizer();
    await store.history({ sessionId: "long", ownerId: "ada", window: 4, summarizer: model }).addMessages(turns(0, 12));
    await store.history({ sessionId: "short", ownerId: "ada", feature: "f" }).addMessages([new HumanMessage("Buy milk")]);
    await store.history({ sessionId: "old", ownerId: "ada" }).addMessages([new HumanMessage("Old")], { createdAt: new Date(0) });
    await store.history({ sessionId: "short", ownerId: "bob" }).addMessages([new HumanMessage("Secret")]);
    await store.drain();
    const summary = await store.summary({ ownerId: "ada", lookback: "7d" });
    expect(summary.messages).toBe(13);
    expect(summary.sessions.map(({ sessionId }) => sessionId).toSorted()).toEqual(["long", "short"]);
    expect(summary.text).toContain("Buy milk");
    expect(summary.text).toContain("up to: turn 7");
    expect(summary.text).not.toContain("Secret");
    const told = await store.summary({ ownerId: "ada", summarizer: summarizer(() => "Ada buys milk.") });
    expect(told.text).toBe("Ada buys milk.");
    expect((await store.summary({ ownerId: "eve" })).text).toBe("");
  });
});
