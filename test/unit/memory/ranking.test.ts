import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DenseIndex } from "../../../src/memory/turns/dense-index.ts";
import { LexicalIndex } from "../../../src/memory/turns/lexical-index.ts";
import { rankTurns, type RankingOptions } from "../../../src/memory/turns/ranking.ts";
import { TurnOrder, type MemoryTurn } from "../../../src/memory/turns/turn-order.ts";

interface Memory {
  readonly order: TurnOrder;
  readonly lexical: LexicalIndex;
}

function turn(id: string, text: string, rest: Partial<MemoryTurn> = {}): MemoryTurn {
  return { id, text, sessionId: "s", seq: Number(id), role: "human", createdAt: Date.UTC(2026, 0, 1), ...rest };
}

function memoryOf(turns: readonly MemoryTurn[]): Memory {
  const order = new TurnOrder();
  const lexical = new LexicalIndex(order);
  for (const one of turns) lexical.add(order.add(one), one);
  return { order, lexical };
}

function forget({ order, lexical }: Memory, id: string): void {
  const number = order.numberOf(id) ?? -1;
  const gone = order.turn(number);
  if (gone === undefined) return;
  lexical.remove(number, gone);
  order.remove(number);
}

function idsOf(memory: Memory, query: string, options: Partial<RankingOptions> = {}): string[] {
  return rankTurns(memory, query, { k: 10, ...options }).map(({ number }) => memory.order.turn(number)?.id ?? "");
}

describe("words", () => {
  test.each([
    ["configurações", "Mudei as configuracoes ontem"],
    ["configuracao", "Mudei as configurações ontem"],
    ["São Paulo", "moro em sao paulo"],
    ["running", "I run every morning"],
    ["PIZZA", "gostamos de pizzas"],
  ])("%j finds %j", (query, text) => {
    const memory = memoryOf([turn("1", "Something else"), turn("2", text), turn("3", "Nada a ver")]);
    expect(idsOf(memory, query)[0]).toBe("2");
  });

  test("a query without a known word finds nothing", () => {
    expect(idsOf(memoryOf([turn("1", "hello there")]), "xylophone")).toEqual([]);
    expect(idsOf(memoryOf([]), "hello")).toEqual([]);
    expect(idsOf(memoryOf([turn("1", "hello")]), "")).toEqual([]);
    expect(idsOf(memoryOf([turn("1", "who are you")]), "who are you?")).toEqual([]);
  });
});

describe("context", () => {
  test("an answer is found by the words of the question before it", () => {
    const memory = memoryOf([
      turn("1", "Which broker do you use?", { role: "ai" }),
      turn("2", "The one from Lisbon."),
      turn("3", "Let us talk about dinner."),
      turn("4", "Pasta."),
    ]);
    expect(idsOf(memory, "which broker")[0]).toBe("2");
  });

  test("a neighbour in another session is no neighbour", () => {
    const memory = memoryOf([turn("1", "broker"), turn("2", "The one from Lisbon.", { sessionId: "other" })]);
    expect(idsOf(memory, "broker")).toEqual(["1"]);
  });

  test("what a person said is found before what the model answered, unless the model's words are asked for", () => {
    const memory = memoryOf([
      turn("1", "My stop is 20 points"),
      turn("2", "A stop of 20 points is tight; a stop of 40 points is usual, a stop protects you.", { role: "ai" }),
    ]);
    expect(idsOf(memory, "what is my stop")[0]).toBe("1");
    expect(idsOf(memory, "what stop did you recommend")[0]).toBe("2");
    expect(idsOf(memory, "que stop você recomendou")[0]).toBe("2");
  });
});

describe("meaning", () => {
  test("a turn without a word of the query is found by its vector", () => {
    const memory = memoryOf([turn("1", "uno"), turn("2", "due"), turn("3", "tre")]);
    const dense = new DenseIndex(2);
    dense.set(0, [1, 0]);
    dense.set(1, [0, 3]);
    dense.set(2, [-1, 0]);
    const [best] = rankTurns({ ...memory, dense }, "dos", { k: 1, vector: [0, 1] });
    expect(best).toMatchObject({ number: 1, source: "semantic", similarity: 1 });
  });

  test.each([[[0, 0]], [[Number.NaN, 1]], [[1, 2, 3]], [[]]])("a query vector %j is left aside: words alone rank", (vector) => {
    const memory = memoryOf([turn("1", "hello world"), turn("2", "other")]);
    const dense = new DenseIndex(2);
    dense.set(1, [1, 0]);
    expect(rankTurns({ ...memory, dense }, "hello", { k: 2, vector }).map(({ number }) => number)).toEqual([0, 1]);
  });

  test("a broken vector is not kept", () => {
    const dense = new DenseIndex(2);
    expect([dense.set(0, [0, 0]), dense.set(0, [Infinity, 1]), dense.set(0, [1]), dense.has(0)]).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});

test("only accepted turns are given, and k of them", () => {
  const memory = memoryOf(Array.from({ length: 30 }, (_, at) => turn(String(at), `order number ${at}`)));
  expect(idsOf(memory, "order", { accept: ({ id }) => Number(id) < 5 })).toHaveLength(5);
  expect(idsOf(memory, "order", { k: 7 })).toHaveLength(7);
  expect(idsOf(memory, "order", { k: 0 })).toHaveLength(0);
});

const word = fc.constantFrom("order", "block", "stop", "pizza", "broker", "ontem", "risco", "chart");
const turns = fc.uniqueArray(
  fc.record({
    seq: fc.nat(500),
    sessionId: fc.constantFrom("a", "b"),
    text: fc.array(word, { maxLength: 6 }).map((w) => w.join(" ")),
  }),
  { selector: ({ seq }) => seq, maxLength: 30 },
);

test("the order of arrival does not matter", () => {
  fc.assert(
    fc.property(turns, word, fc.infiniteStream(fc.nat()), (list, query, random) => {
      const all = list.map((one) => turn(String(one.seq), one.text, one));
      const shuffled = all.map((one) => ({ one, at: random.next().value as number })).toSorted((a, b) => a.at - b.at);
      const scores = (memory: Memory): Map<string, number> =>
        new Map(
          rankTurns(memory, query, { k: 100 }).map(({ number, score }) => [
            memory.order.turn(number)?.id ?? "",
            Math.round(score * 1e3),
          ]),
        );
      expect(scores(memoryOf(shuffled.map(({ one }) => one)))).toEqual(scores(memoryOf(all)));
    }),
  );
});

test("what is removed was never there", () => {
  fc.assert(
    fc.property(turns, word, (list, query) => {
      const all = list.map((one) => turn(String(one.seq), one.text, one));
      const memory = memoryOf(all);
      for (const one of all.filter((_, at) => at % 2 === 0)) forget(memory, one.id);
      const kept = memoryOf(all.filter((_, at) => at % 2 === 1));
      expect(new Set(idsOf(memory, query, { k: 100 }))).toEqual(new Set(idsOf(kept, query, { k: 100 })));
    }),
  );
});
