import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { CachedEmbeddings } from "../../../src/embeddings/cached-embeddings.ts";
import { nearDuplicates } from "../../../src/embeddings/near-duplicates.ts";
import { CountingEmbeddings } from "../../support/counting-embeddings.ts";

const LONG =
  "The quarterly report of the regional office describes how the teams moved the warehouses, which costs they had and what they learned";

function reuses(first: string, second: string, bound = 0.8): boolean {
  const near = nearDuplicates(bound, 10);
  near.add("first", first, "g");
  return near.find(second, "g") !== undefined;
}

describe("near-duplicate texts", () => {
  test.each([
    ["How do I reset it?", "how do i reset it"],
    ["Qual é a ação certa?", "qual e a acao certa"],
    ["  yahoo   chat ", "Yahoo chat."],
    [LONG, LONG.replace("costs", "cost")],
  ])("reuse: %s", (a, b) => {
    expect(reuses(a, b)).toBe(true);
    expect(reuses(b, a)).toBe(true);
  });

  test.each([
    [`${LONG} in 2023`, `${LONG} in 2024`],
    [LONG, LONG.replace("moved", "not moved")],
    [`${LONG} and can ship`, `${LONG} and can't ship`],
    [`${LONG} é permitido`, `${LONG} não é permitido`],
    [`${LONG} with code AB-12`, `${LONG} with code AB-13`],
    [`${LONG} in C`, `${LONG} in C++`],
    [`${LONG} a b`, `${LONG} b a`],
    [`${LONG} WHO`, `${LONG} who`],
    [`${LONG} at 5`, `${LONG} at -5`],
    [`${LONG} at 1.5`, `${LONG} at 15`],
    ["", ""],
    ["?", "!"],
  ])("do not reuse: %s | %s", (a, b) => {
    expect(reuses(a, b)).toBe(false);
    expect(reuses(b, a)).toBe(false);
  });

  test("are found wherever their likeness reaches the bound, and the texts say the same", () => {
    const word = fc.constantFrom("house", "houses", "tree", "trees", "river", "garden", "gardens", "Window");
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 30 }), fc.nat(), (words, at) => {
        const other = words.map((one, index) => (index === at % words.length ? `${one.replace(/s$/, "")}s` : one));
        const [a, b] = [words.join(" "), other.join(", ")];
        expect(reuses(a, b, 0.8)).toBe(naive(a, b) >= 0.8);
      }),
    );
  });

  test("of one kind are not reused for another", () => {
    const near = nearDuplicates(0.95, 10);
    near.add("first", "hello there", "query");
    expect(near.find("Hello there!", "document")).toBeUndefined();
  });

  test("are remembered within the bound, the oldest going first", () => {
    const near = nearDuplicates(0.95, 3);
    for (const text of ["one text", "two texts", "three texts", "four texts"]) near.add(text, text, "g");
    expect(near.size).toBe(3);
    expect(near.find("One text", "g")).toBeUndefined();
    expect(near.find("Four texts", "g")?.key).toBe("four texts");
  });
});

/** All against all, on the same pieces: what the index must not miss. */
function naive(a: string, b: string): number {
  const pieces = (text: string): Set<string> => {
    const padded = ` ${text.toLowerCase().replaceAll(",", "")} `;
    return new Set(Array.from({ length: padded.length - 2 }, (_, at) => padded.slice(at, at + 3)));
  };
  const [left, right] = [pieces(a), pieces(b)];
  const shared = [...left].filter((piece) => right.has(piece)).length;
  return shared / (left.size + right.size - shared);
}

describe("CachedEmbeddings with nearDuplicate", () => {
  test("asks for nothing that is nearly equal, and is off unless asked for", async () => {
    for (const [nearDuplicate, calls] of [
      [true, 1],
      [undefined, 2],
    ] as const) {
      const provider = new CountingEmbeddings();
      const cached = new CachedEmbeddings({ embeddings: provider, model: "m", tiers: [memoryTier()], nearDuplicate });
      const first = await cached.embedQuery("How do I reset it?");
      const second = await cached.embedQuery("how do i reset it");
      expect(provider.calls.length).toBe(calls);
      if (nearDuplicate === true) expect(second).toEqual(first);
      expect(cached.stats()).toMatchObject({ near: 2 - calls, textsSaved: 2 - calls });
    }
  });

  test("forgets with the vector", async () => {
    const provider = new CountingEmbeddings();
    const tier = memoryTier();
    const cached = new CachedEmbeddings({ embeddings: provider, model: "m", tiers: [tier], nearDuplicate: true });
    await cached.embedQuery("hello");
    await cached.flush();
    await tier.clear();
    await cached.embedQuery("Hello!");
    expect(provider.calls.length).toBe(2);
  });
});
