import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { manualClock } from "../../../src/core/clock.ts";
import { createStrata } from "../../../src/create-strata.ts";
import type { ChatEvent } from "../../../src/system/chat/chat-result.ts";
import type { StrataConfig } from "../../../src/system/config/strata-config.ts";
import type { Strata } from "../../../src/system/strata.ts";
import { CountingEmbeddings } from "../../support/counting-embeddings.ts";
import { ScriptedModel, untilAborted, type Script } from "../../support/scripted-model.ts";

interface Bed {
  readonly strata: Strata;
  readonly model: ScriptedModel;
}

async function bed(script: Script = {}, config: StrataConfig = {}): Promise<Bed> {
  const data = mkdtempSync(join(tmpdir(), "strata-chat-"));
  const model = new ScriptedModel({ model: "scripted", reply: () => "yes", ...script });
  const strata = await createStrata({ data, model, ...config });
  onTestFinished(async () => {
    await strata.close();
    rmSync(data, { recursive: true, force: true });
  });
  return { strata, model };
}

async function all(events: AsyncIterable<ChatEvent>): Promise<ChatEvent[]> {
  const seen: ChatEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

const THOUGHT = {
  content: "A zone.",
  additional_kwargs: { reasoning_content: "They ask for a term." },
  usage_metadata: { input_tokens: 5, output_tokens: 7, total_tokens: 12 },
};

describe("chat", () => {
  test("asks the model once, and gives text, reasoning and what a hit saved", async () => {
    const { strata, model } = await bed({ reply: () => THOUGHT });
    const first = await strata.chat("What is an order block?");
    expect(first).toMatchObject({ text: "A zone.", reasoning: "They ask for a term.", cached: false, source: "model" });
    expect(first.savings).toEqual({ tokens: 0, inputTokens: 0, outputTokens: 0 });
    const second = await strata.chat("What is an order block?");
    expect(second).toMatchObject({
      text: "A zone.",
      reasoning: "They ask for a term.",
      cached: true,
      source: "exact",
      tier: "memory",
    });
    expect(second.savings).toEqual({ tokens: 12, inputTokens: 5, outputTokens: 7 });
    expect(second.hitId).toMatch(/./);
    expect(model.calls).toHaveLength(1);
    expect((await strata.stats()).chat).toEqual({ questions: 2, cached: 1, failed: 0, savedTokens: 12 });
  });

  test("finds after a restart what was answered before it", async () => {
    const data = mkdtempSync(join(tmpdir(), "strata-chat-"));
    onTestFinished(() => rmSync(data, { recursive: true, force: true }));
    const asked = await bed({}, { data });
    await asked.strata.chat("Anything new?");
    await asked.strata.close();
    const { strata, model } = await bed({}, { data });
    expect(await strata.chat("Anything new?")).toMatchObject({ cached: true, tier: "disk" });
    expect(model.calls).toHaveLength(0);
  });

  test("can do without the cache, or refresh it", async () => {
    const { strata, model } = await bed({ reply: ({ number }) => `answer ${number}` });
    expect((await strata.chat("Q?", { useCache: false })).text).toBe("answer 1");
    expect((await strata.chat("Q?", { useCache: false })).text).toBe("answer 2");
    expect((await strata.chat("Q?")).text).toBe("answer 3");
    expect((await strata.chat("Q?", { useCache: "refresh" })).text).toBe("answer 4");
    expect((await strata.chat("Q?")).text).toBe("answer 4");
    expect(model.calls).toHaveLength(4);
  });

  test("says the system text first, and another one is another question", async () => {
    const { strata, model } = await bed({}, { chat: { system: "Be brief." } });
    await strata.chat("Q?");
    expect(model.calls[0]?.messages.map(({ type, text }) => [type, text])).toEqual([
      ["system", "Be brief."],
      ["human", "Q?"],
    ]);
    expect((await strata.chat("Q?", { system: "Be long." })).cached).toBe(false);
  });

  test("keeps scopes apart, and removes by tag", async () => {
    const { strata, model } = await bed();
    await strata.chat("Q?", { scope: { tenant: "acme" }, tags: ["handbook"] });
    expect((await strata.chat("Q?", { scope: { tenant: "globex" } })).cached).toBe(false);
    expect((await strata.chat("Q?", { scope: { tenant: "acme" } })).cached).toBe(true);
    await strata.cache.invalidate("hand*");
    expect((await strata.chat("Q?", { scope: { tenant: "acme" } })).cached).toBe(false);
    expect(model.calls).toHaveLength(3);
  });

  test("with the scope of the owner, a call of nobody's is not cached", async () => {
    const { strata, model } = await bed({}, { cache: { scope: "owner" } });
    await strata.chat("Q?");
    expect((await strata.chat("Q?")).cached).toBe(false);
    expect(model.calls).toHaveLength(2);
    expect(strata.cache.stats().bypassed).toMatchObject({ "no-scope": 2 });
  });

  test.each<[string, unknown, string]>([
    ["an empty question", [" "], "Option `question`"],
    [
      "a session of nobody's",
      ["Q?", { sessionId: "s" }],
      "Option `chat.ownerId` is undefined; accepted: whose conversations these are, beside `sessionId`",
    ],
    ["a memory of nobody's", ["Q?", { useMemory: true }], "whose conversations these are, beside `useMemory`"],
    ["an owner without a name", ["Q?", { ownerId: "" }], "Option `chat.ownerId`"],
    ["a misspelt option", ["Q?", { usecache: false }], "did you mean `useCache`?"],
    ["a scope with a user beside the owner", ["Q?", { scope: { user: "ada" } }], "Option `chat.scope.user`"],
    ["a scope without parts", ["Q?", { scope: {} }], "Option `scope`"],
    ["a deadline without a unit", ["Q?", { deadline: "soon" }], "Option `chat.deadline`"],
  ])("refuses %s before anything is asked", async (_what, args, message) => {
    const { strata, model } = await bed();
    await expect(strata.chat(...(args as [string]))).rejects.toThrow(message);
    expect(model.calls).toHaveLength(0);
    expect((await strata.stats()).chat).toMatchObject({ questions: 1, failed: 1 });
  });

  test("ends at its deadline, and the model's call with it", async () => {
    const clock = manualClock();
    let signal: AbortSignal | undefined;
    const reply: Script["reply"] = ({ options }) => ((signal = options.signal), untilAborted(options.signal));
    const { strata } = await bed({ reply }, { clock, cache: { disk: false }, chat: { deadline: "5s" } });
    const asked = expect(strata.chat("Q?")).rejects.toMatchObject({
      code: "TIMEOUT",
      message: "The question was not answered within 5000 ms.",
    });
    await clock.advance(5_000);
    await asked;
    expect(signal?.aborted).toBe(true);
  });

  test("ends when its caller leaves, with the caller's reason", async () => {
    const { strata } = await bed({ reply: ({ options }) => untilAborted(options.signal) });
    const leaving = new AbortController();
    const asked = strata.chat("Q?", { signal: leaving.signal });
    leaving.abort(new Error("gone"));
    await expect(asked).rejects.toThrow("gone");
    await expect(strata.chat("Q?", { signal: leaving.signal })).rejects.toThrow("gone");
  });

  test("a model that fails is the caller's to know, and nothing is kept", async () => {
    const { strata } = await bed({
      reply: ({ number }) => {
        if (number === 1) throw new Error("no credit");
        return "fine";
      },
    });
    await expect(strata.chat("Q?")).rejects.toThrow("no credit");
    expect(await strata.chat("Q?")).toMatchObject({ text: "fine", cached: false });
  });

  test("without a model says how to give one", async () => {
    const { strata } = await bed({}, { model: undefined });
    await expect(strata.chat("Q?")).rejects.toThrow(
      'Option `model` is undefined; accepted: a chat model, or { provider: "deepseek"',
    );
  });
});

describe("stream", () => {
  const chunks: Script["chunks"] = () => [
    { content: "", additional_kwargs: { reasoning_content: "They ask." } },
    "A ",
    { content: "zone.", response_metadata: { finish_reason: "stop" } },
  ];

  test("gives reasoning and text as they come, and the result last; a hit too", async () => {
    const { strata, model } = await bed({ chunks });
    const first = await all(strata.stream("Q?"));
    expect(first.slice(0, -1)).toEqual([
      { type: "reasoning", text: "They ask." },
      { type: "text", text: "A " },
      { type: "text", text: "zone." },
    ]);
    expect(first.at(-1)).toMatchObject({ type: "end", result: { text: "A zone.", reasoning: "They ask.", cached: false } });
    const second = await all(strata.stream("Q?"));
    expect(second.flatMap((event) => (event.type === "text" ? event.text : [])).join("")).toBe("A zone.");
    expect(second.at(-1)).toMatchObject({ type: "end", result: { cached: true, source: "exact", reasoning: "They ask." } });
    expect(model.calls).toHaveLength(1);
    expect((await strata.stats()).chat).toMatchObject({ questions: 2, cached: 1 });
  });

  test("what was streamed is a hit for chat", async () => {
    const { strata } = await bed({ chunks });
    await all(strata.stream("Q?"));
    expect(await strata.chat("Q?")).toMatchObject({ text: "A zone.", reasoning: "They ask.", cached: true });
  });

  test("who leaves the loop ends the model's call, and half an answer is not kept", async () => {
    let signal: AbortSignal | undefined;
    const { strata, model } = await bed({
      async *chunks({ options }) {
        signal = options.signal;
        yield "A ";
        await untilAborted(options.signal);
      },
    });
    for await (const event of strata.stream("Q?")) {
      expect(event).toEqual({ type: "text", text: "A " });
      break;
    }
    expect(signal?.aborted).toBe(true);
    void all(strata.stream("Q?", { signal: AbortSignal.timeout(1) })).catch(() => undefined);
    await expect.poll(() => model.calls.length).toBe(2);
  });
});

describe("thoughts in tags", () => {
  test("are taken out of an answer and out of a stream, and a hit has them apart too", async () => {
    const chunks: Script["chunks"] = () => [
      "<thi",
      "nk>They a",
      "sk.</th",
      "ink>\n\nA zo",
      { content: "ne.", response_metadata: { finish_reason: "stop" } },
    ];
    const { strata } = await bed({ chunks, reply: () => "<think>They ask.</think>A zone." });
    expect(await strata.chat("Q?")).toMatchObject({ text: "A zone.", reasoning: "They ask." });
    expect(await strata.chat("Q?")).toMatchObject({ text: "A zone.", reasoning: "They ask.", cached: true });
    for (const question of ["Streamed?", "Streamed?"]) {
      const events = await all(strata.stream(question));
      const told = (type: "reasoning" | "text"): string =>
        events.flatMap((event) => (event.type === type ? event.text : [])).join("");
      expect([told("reasoning"), told("text")]).toEqual(["They ask.", "A zone."]);
      expect(events.at(-1)).toMatchObject({ type: "end", result: { text: "A zone.", reasoning: "They ask." } });
    }
  });
});

describe("templates", () => {
  const templates = [{ name: "brief", system: "Answer in {language}.", user: "{question}", history: true }];

  test("stand in place of the bare question, and their own texts are other questions", async () => {
    const { strata, model } = await bed({}, { prompts: { sets: [], templates } });
    const options = { template: "brief", variables: { language: "Portuguese" } };
    await strata.chat("What is a stop?", options);
    const said = model.calls[0]?.messages.map(({ text }) => text).join("\n");
    expect(said).toContain("Answer in Portuguese.");
    expect(said).toContain("What is a stop?");
    expect(await strata.chat("What is a stop?", options)).toMatchObject({ cached: true });
    expect(await strata.chat("What is a stop?", { ...options, variables: { language: "English" } })).toMatchObject({
      cached: false,
    });
  });

  test("of the package are there, and documents and questions find their places", async () => {
    const { strata, model } = await bed();
    expect(strata.prompts.list().map(({ name }) => name)).toContain("trading.order-blocks.pt");
    await strata.addContext("Parcels may be returned within 30 days.", { id: "returns" });
    strata.prompts.add({ name: "from-documents", user: "{context}\n\nAnswer from these: {question}" });
    await strata.chat("May I return a parcel?", { template: "from-documents", useContext: true });
    expect(model.calls[0]?.messages).toHaveLength(1);
    expect(model.calls[0]?.messages[0]?.text).toMatch(/within 30 days[^]*Answer from these: May I return a parcel\?$/);
  });

  test.each<[string, object, string]>([
    ["a template that is not there", { template: "brieff" }, 'Option `prompt` is "brieff"; accepted: brief'],
    ["a variable that is missing", { template: "brief" }, "language"],
    [
      "a variable too much",
      { template: "brief", variables: { language: "English", tone: "dry" } },
      "Option `chat.variables.tone`",
    ],
    ["variables without a template", { variables: { language: "English" } }, "nothing, unless there is a `template`"],
    ["a system text beside a template", { template: "brief", system: "Be brief." }, "Option `chat.system`"],
  ])("refuse %s before anything is asked", async (_what, options, message) => {
    const { strata, model } = await bed({}, { prompts: { sets: [], templates } });
    await expect(strata.chat("Q?", options)).rejects.toThrow(message);
    expect(model.calls).toHaveLength(0);
  });
});

describe("backup", () => {
  test("is one file, from which another system has the answers", async () => {
    const folder = mkdtempSync(join(tmpdir(), "strata-chat-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const { strata } = await bed();
    await strata.chat("What is a gap?");
    const report = await strata.backup(join(folder, "all.backup"));
    expect(report.parts).toMatchObject([{ name: "cache", records: 1 }]);
    const other = await bed();
    const restored = await other.strata.restore(join(folder, "all.backup"));
    expect(restored.parts).toMatchObject([{ name: "cache", restored: 1 }]);
    expect(await other.strata.chat("What is a gap?")).toMatchObject({ cached: true, tier: "disk" });
    expect(other.model.calls).toHaveLength(0);
  });
});

test("a backup has the vectors of embeddings, which another system need not make again", async () => {
  const folder = mkdtempSync(join(tmpdir(), "strata-chat-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const { strata } = await bed({}, { embeddings: new CountingEmbeddings() });
  await strata.addContext("Gaps close.");
  const report = await strata.backup(join(folder, "all.backup"));
  expect(report.parts).toMatchObject([{ name: "cache" }, { name: "embeddings", records: 1 }]);
  const embeddings = new CountingEmbeddings();
  const other = await bed({}, { embeddings });
  expect((await other.strata.restore(join(folder, "all.backup"))).parts).toMatchObject([{}, { restored: 1 }]);
  await other.strata.addContext("Gaps close.");
  expect(embeddings.sent).toBe(0);
});

describe("the dashboard", () => {
  test("shows this system, behind a token, and is closed with it", async () => {
    const { strata } = await bed();
    await strata.chat("What is a gap?");
    await strata.chat("What is a gap?");
    const { url, token } = await strata.startDashboard();
    expect((await fetch(`${url}/api/stats`)).status).toBe(401);
    const answer = await fetch(`${url}/api/stats`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('"hits":1');
    await strata.close();
    await expect(fetch(`${url}/api/stats`)).rejects.toThrow();
  });
});

describe("alerts", () => {
  test("watch the metrics by the config's rules, and are shown by the dashboard beside the health of the parts", async () => {
    const told: string[] = [];
    const rules = [{ name: "busy", metric: "misses", above: 0, window: "1m", for: 0 }] as const;
    const { strata } = await bed({}, { observability: { alerts: { rules, onAlert: ({ rule }) => void told.push(rule) } } });
    const { url, token } = await strata.startDashboard();
    const show = async (path: string): Promise<unknown> =>
      (await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } })).json();
    expect(await show("/api/alerts")).toMatchObject({ alerts: [{ rule: "busy" }] });
    expect(await show("/api/health")).toMatchObject({
      parts: expect.arrayContaining([expect.objectContaining({ name: "data" })]),
    });
    await strata.chat("What is a gap?");
    strata.alerts?.check();
    await strata.close();
    expect(told).toEqual(["busy"]);
  });

  test("with a rule on a metric that there is not are refused with the config", async () => {
    const rules = [{ name: "odd", metric: "luck", above: 0 }] as never;
    await expect(bed({}, { observability: { alerts: { rules } } })).rejects.toThrow("luck");
  });
});

describe("close", () => {
  test("may be called twice, and refuses what comes after", async () => {
    const { strata } = await bed();
    await strata.chat("Q?");
    expect(strata.close()).toBe(strata.close());
    await strata.close();
    await expect(strata.chat("Q?")).rejects.toMatchObject({ code: "CLOSED" });
    await expect(all(strata.stream("Q?"))).rejects.toMatchObject({ code: "CLOSED" });
  });
});
