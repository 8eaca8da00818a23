/** The system over real servers: two lines of config, two machines, and servers that are away. */
import { createServer } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import type { StrataEvent } from "../../src/core/events.ts";
import { createStrata } from "../../src/create-strata.ts";
import type { StrataConfig } from "../../src/system/config/strata-config.ts";
import type { Strata } from "../../src/system/strata.ts";
import { freshDatabase, freshPrefix } from "../support/fresh.ts";
import { ScriptedModel } from "../support/scripted-model.ts";

interface Machine {
  readonly strata: Strata;
  readonly model: ScriptedModel;
  readonly events: readonly StrataEvent[];
}

/** One process on a machine of its own: nothing of its disk is anybody else's. */
async function machine(config: StrataConfig): Promise<Machine> {
  const data = mkdtempSync(join(tmpdir(), "strata-system-"));
  const model = new ScriptedModel({ model: "scripted", reply: ({ messages }) => `You said: ${messages.at(-1)?.text}` });
  const events: StrataEvent[] = [];
  // What is remembered is found by the strategy that fits, not by another one that is tried at low numbers.
  const random = (): number => 0.1 + 0.9 * Math.random();
  const strata = await createStrata({ data, model, random, observer: (event) => void events.push(event), ...config });
  onTestFinished(async () => {
    await strata.close();
    rmSync(data, { recursive: true, force: true });
  });
  return { strata, model, events };
}

/** A port that nobody listens on. */
async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

let postgres: string;
beforeAll(async () => {
  postgres = await freshDatabase();
});

describe("with Redis and PostgreSQL", () => {
  const shared = (): StrataConfig => {
    const prefix = freshPrefix();
    return {
      redis: inject("redisUrl"),
      postgres,
      // The servers of a run are shared by all tests; an application needs no more than the two lines above.
      ...{ cache: { redis: { prefix, deadline: "2s" } }, history: { prefix: `${prefix}history` } },
    };
  };

  test("two lines are enough: what one machine was answered, the other finds", async () => {
    const config = shared();
    const [a, b] = [await machine(config), await machine(config)];
    await a.strata.chat("What is an order block?");
    await a.strata.cache.flush();
    expect(await b.strata.chat("What is an order block?")).toMatchObject({ cached: true, tier: "redis" });
    expect(b.model.calls).toHaveLength(0);
    const health = await b.strata.health();
    expect(health.map(({ part, ok }) => [part, ok])).toEqual([
      ["data", true],
      ["redis", true],
      ["postgres", true],
    ]);
  });

  test("a conversation goes on where it was, on the other machine", async () => {
    const config = shared();
    const [a, b] = [await machine(config), await machine(config)];
    await a.strata.chat("My name is Ada.", { ownerId: "ada", sessionId: "s1" });
    await b.strata.chat("What is my name?", { ownerId: "ada", sessionId: "s1" });
    expect(b.model.calls[0]?.messages.map(({ text }) => text)).toEqual([
      "My name is Ada.",
      "You said: My name is Ada.",
      "What is my name?",
    ]);
    const history = b.strata.conversations.history({ ownerId: "ada", sessionId: "s1" });
    expect(await history.getMessages()).toHaveLength(4);
  });

  test("an owner's memory reaches other sessions, as data, and no other owner", async () => {
    const { strata, model } = await machine(shared());
    await strata.chat("My risk limit is one percent of the account.", { ownerId: "bea", sessionId: "monday" });
    await strata.conversations.drain();
    await strata.chat("What did I say my risk limit is?", { ownerId: "bea", sessionId: "tuesday" });
    const [recalled, question] = model.calls.at(-1)?.messages ?? [];
    expect(recalled?.text).toContain('"text":"My risk limit is one percent of the account."');
    expect(question?.text).toBe("What did I say my risk limit is?");
    await strata.chat("What did I say my risk limit is?", { ownerId: "carl", sessionId: "tuesday" });
    expect(model.calls.at(-1)?.messages.map(({ text }) => text)).toEqual(["What did I say my risk limit is?"]);
  });

  test("what another session said is recalled, also under an id that the conversation has too", async () => {
    const { strata, model } = await machine(shared());
    const imported = (sessionId: string, ...said: [string, string]): Promise<void> => {
      const [asked, answered] = said;
      return strata.conversations
        .history({ ownerId: "gil", sessionId })
        .addMessages([new HumanMessage({ id: "1", content: asked }), new AIMessage({ id: "2", content: answered })]);
    };
    await imported("old", "My boat is called Albatross.", "A fine name.");
    await imported("new", "Good morning.", "Good morning to you.");
    await strata.conversations.drain();
    await strata.chat("What did I say my boat is called?", { ownerId: "gil", sessionId: "new" });
    const said = model.calls.at(-1)?.messages.map(({ text }) => text) ?? [];
    expect(said.slice(0, 2)).toEqual(["Good morning.", "Good morning to you."]);
    expect(said[2]).toContain('"text":"My boat is called Albatross."');
    // What the prompt shows already is not quoted beside it.
    expect(said.filter((text) => text.includes("Good morning"))).toHaveLength(2);
  });

  test("an owner's answers are the owner's alone, also for the same words", async () => {
    const { strata, model } = await machine(shared());
    await strata.chat("What is a gap?", { ownerId: "dan", useMemory: false });
    expect(await strata.chat("What is a gap?", { ownerId: "dan", useMemory: false })).toMatchObject({ cached: true });
    expect(await strata.chat("What is a gap?", { ownerId: "eve", useMemory: false })).toMatchObject({ cached: false });
    expect(await strata.chat("What is a gap?")).toMatchObject({ cached: false });
    expect(model.calls).toHaveLength(3);
  });

  test("the same recalled words give the same prompt, so the answer is found again", async () => {
    const { strata, model } = await machine(shared());
    await strata.chat("My account is in euros.", { ownerId: "fay", sessionId: "s1" });
    await strata.conversations.drain();
    await strata.chat("Which currency did I say?", { ownerId: "fay" });
    expect(await strata.chat("Which currency did I say?", { ownerId: "fay" })).toMatchObject({ cached: true });
    expect(model.calls.at(-1)?.messages[0]?.text).toContain("My account is in euros.");
  });

  test("conversation, memory and documents come together in one prompt, in Portuguese", async () => {
    const { strata, model } = await machine(shared());
    await strata.addContext("Encomendas podem ser devolvidas no prazo de 45 dias.", { id: "devoluções" });
    await strata.chat("O meu nome é Conceição e a minha encomenda é a 4711.", { ownerId: "conceição", sessionId: "ontem" });
    await strata.chat("Bom dia!", { ownerId: "conceição", sessionId: "hoje" });
    await strata.conversations.drain();
    const asked = { ownerId: "conceição", sessionId: "hoje", useContext: true } as const;
    const question = "Até quando posso devolver a minha encomenda?";
    const { documents, cached, timings } = await strata.chat(question, asked);
    const said = model.calls.at(-1)?.messages.map(({ type, text }) => ({ type, text })) ?? [];
    // The conversation first, then what is quoted, and the question as it was asked.
    expect(said.map(({ type }) => type)).toEqual(["human", "ai", "human", "human", "human"]);
    expect(said[0]?.text).toBe("Bom dia!");
    expect(said[2]?.text).toContain("encomenda é a 4711");
    expect(said[3]?.text).toContain("45 dias");
    expect(said[4]?.text).toBe(question);
    expect(documents?.map(({ metadata }) => (metadata as { documentId: string }).documentId)).toEqual(["devoluções"]);
    expect(cached).toBe(false);
    for (const part of ["context", "memory", "answer", "store"] as const) expect(timings[part]).toBeGreaterThan(0);
    // Who asks the same from another account finds the document, and nothing of hers.
    await strata.chat(question, { ownerId: "outra", sessionId: "hoje", useContext: true });
    const other = JSON.stringify(model.calls.at(-1)?.messages.map(({ text }) => text));
    expect(other).toContain("45 dias");
    expect(other).not.toContain("4711");
    await strata.removeContext("devoluções");
  });

  test("documents that one machine added, the other finds and removes", async () => {
    const config = shared();
    const [a, b] = [await machine(config), await machine(config)];
    await a.strata.addContext("Parcels may be returned within 30 days.", { id: "returns" });
    expect((await b.strata.search("return a parcel")).map(({ pageContent }) => pageContent)).toEqual([
      "Parcels may be returned within 30 days.",
    ]);
    expect(await b.strata.removeContext("returns")).toBe(1);
    expect(await a.strata.search("return a parcel")).toEqual([]);
  });
});

describe("with servers that are away", () => {
  test("questions are answered, events tell, and the health says which", async () => {
    const port = await deadPort();
    const { strata, events } = await machine({
      redis: `redis://:s3cret@127.0.0.1:${port}`,
      postgres: `postgres://app:s3cret@127.0.0.1:${port}/app`,
    });
    expect(await strata.chat("What is a gap?")).toMatchObject({ cached: false });
    expect(await strata.chat("What is a gap?")).toMatchObject({ cached: true });
    expect(await strata.chat("My name is Ada.", { ownerId: "ada", sessionId: "s" })).toMatchObject({
      text: "You said: My name is Ada.",
    });
    const faults = events.filter(({ type }) => type === "tier.state" || type === "tier.fault" || type === "history.fault");
    expect(faults.map((event) => ("operation" in event ? event.operation : "tier"))).toEqual(
      expect.arrayContaining(["load", "save"]),
    );
    const health = await strata.health();
    expect(health.map(({ part, ok }) => [part, ok])).toEqual([
      ["data", true],
      ["redis", false],
      ["postgres", false],
    ]);
    expect(JSON.stringify([health, events])).not.toContain("s3cret");
  });

  test("with `check` they are an error at the start, which names them all and no password", async () => {
    const port = await deadPort();
    const data = mkdtempSync(join(tmpdir(), "strata-system-"));
    onTestFinished(() => rmSync(data, { recursive: true, force: true }));
    const config = { data, redis: `redis://:s3cret@127.0.0.1:${port}`, postgres: `postgres://app:s3cret@127.0.0.1:${port}/app` };
    const made = createStrata(config, { check: true });
    await expect(made).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect(made).rejects.toThrow(/`redis` \(redis:.*ECONNREFUSED.*`postgres` \(postgres:.*ECONNREFUSED/);
    await expect(made).rejects.not.toThrow("s3cret");
  });
});
