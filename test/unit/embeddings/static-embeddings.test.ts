import { cpSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LocalEmbeddings } from "../../../src/embeddings/local-embeddings.ts";
import { staticSource } from "../../../src/embeddings/local-models.ts";
import { staticModel } from "../../../src/embeddings/static-model.ts";
import { BAD_TEXTS, dot } from "./texts.ts";

const local = new LocalEmbeddings();

describe("the static model", () => {
  test("says what it is", () => {
    expect(local.info).toMatchObject({
      model: "static-enpt-256",
      dimensions: 256,
      languages: ["en", "pt"],
      license: "Apache-2.0",
    });
    expect(local.info.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test("gives the vectors that it was measured with", async () => {
    const vector = await local.embedQuery("A girl is styling her hair, 10€ à João!");
    // The first numbers of the reference implementation that came with the trained table.
    expect(vector.slice(0, 4)).toEqual([-0.3152758479118347, -0.12024568021297455, -0.07173042744398117, -0.18564864993095398]);
    expect(vector).toHaveLength(256);
  });

  test("puts what means the same together, in both languages and across", async () => {
    const [order, paraphrase, translation, other] = await local.embedDocuments([
      "How do I cancel my order?",
      "I want to cancel the order I made",
      "Como cancelo o meu pedido?",
      "The weather in Lisbon is sunny today",
    ]);
    const against = (vector: number[] | undefined): number => dot(order ?? [], vector ?? []);
    expect(against(paraphrase)).toBeGreaterThan(0.6);
    expect(against(translation)).toBeGreaterThan(0.6);
    expect(against(other)).toBeLessThan(0.3);
  });

  test("gives a query and a document of the same text the same vector, one by one or together", async () => {
    const texts = ["uma vez", "duas vezes", "uma vez"];
    const together = await local.embedDocuments(texts);
    expect(together[0]).toEqual(together[2]);
    expect(await Promise.all(texts.map((text) => local.embedQuery(text)))).toEqual(together);
    expect(await local.embedDocuments([])).toEqual([]);
  });

  test.each(Object.entries(BAD_TEXTS))("gives a vector of length 1 for %s", async (_name, text) => {
    const vector = await local.embedQuery(text);
    expect(vector).toHaveLength(256);
    expect(dot(vector, vector)).toBeCloseTo(1, 5);
  });

  test("keeps texts that it does not know apart", async () => {
    const texts = ["", " ", "你好吗", "再见", "🎉", "🎉🎉", "Tokyo"];
    const vectors = await local.embedDocuments(texts);
    for (const [index, vector] of vectors.entries()) {
      for (const other of vectors.slice(index + 1)) expect(Math.abs(dot(vector, other))).toBeLessThan(0.35);
    }
    expect(await local.embedDocuments(texts)).toEqual(vectors);
  });

  test("reads the first 32,768 characters", async () => {
    const head = "risk ".repeat(6_554).slice(0, 32_768);
    expect(await local.embedQuery(`${head} reward`)).toEqual(await local.embedQuery(head));
    expect(await local.embedQuery(`${head.slice(0, 32_000)} reward`)).not.toEqual(await local.embedQuery(head.slice(0, 32_000)));
  });

  test("lets others run while it embeds many", async () => {
    let turns = 0;
    const count = (): void => {
      turns++;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    await local.embedDocuments(Array.from({ length: 40 }, () => "risk and reward ".repeat(2_000)));
    clearImmediate(next);
    expect(turns).toBeGreaterThan(10);
  });

  test("stops when its caller leaves", async () => {
    const reason = new Error("left");
    await expect(local.embedQuery("text", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test("refuses options and texts that it does not take", async () => {
    expect(() => new LocalEmbeddings({ model: "huge" as "static" })).toThrow("`LocalEmbeddings.model`");
    expect(() => new LocalEmbeddings({ modle: "static" } as object)).toThrow("`LocalEmbeddings.modle`");
    await expect(local.embedQuery(undefined as unknown as string)).rejects.toThrow("accepted: a string");
  });

  test("refuses calls after close", async () => {
    const closed = new LocalEmbeddings();
    await closed.close();
    await closed.close();
    await expect(closed.embedQuery("text")).rejects.toMatchObject({ code: "CLOSED" });
  });
});

describe("its files", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "strata-static-"));
    cpSync(staticSource().folder, folder, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test.each(["table.i8", "scale.f32", "vocab.txt"])("are refused when %s is another one", async (name) => {
    truncateSync(join(folder, name), 100);
    await expect(staticModel({ ...staticSource(), folder }).embed(["text"])).rejects.toMatchObject({
      code: "CORRUPT",
      message: expect.stringContaining(join(folder, name)) as string,
    });
  });

  test("are read again after a failure", async () => {
    rmSync(join(folder, "vocab.txt"));
    const model = staticModel({ ...staticSource(), folder });
    await expect(model.embed(["text"])).rejects.toMatchObject({ code: "UNAVAILABLE" });
    cpSync(join(staticSource().folder, "vocab.txt"), join(folder, "vocab.txt"));
    expect(await model.embed(["text"])).toHaveLength(1);
    writeFileSync(join(folder, "vocab.txt"), "");
    expect(await model.embed(["text"])).toHaveLength(1);
  });
});
