/** What is taken for a date though nobody meant one hides the answer: what stands beside a word decides. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findTimeExpression } from "../../../../src/memory/time/time-expression.ts";

/** A Wednesday, noon in São Paulo (UTC-3). */
const ZONE = "America/Sao_Paulo";
const NOW = Date.parse("2025-06-18T15:00:00Z");

function local(text: string): number {
  return Date.parse(`${text.includes("T") ? text : `${text}T00`}:00:00-03:00`);
}

function rangeOf(query: string, now = NOW, zone = ZONE): readonly [number, number] | undefined {
  const filter = findTimeExpression(query, { now, zone })?.filter;
  return filter?.kind === "range" ? [filter.from, filter.to] : undefined;
}

describe("words that are no date", () => {
  test.each([
    "What did I say about 24/7 support?",
    "O que eu disse sobre o suporte 24/7?",
    "We offer support on 24/7 terms",
    "o suporte em 24/7 que eu disse",
    "What did I say about 9 out of 10 dentists?",
    "O que eu disse sobre 9 out de cada 10?",
    "the score of 3/5, and 4/5",
    "a nota de 4/5 que eu dei",
    "in 3/4 of the cases",
    "em 3/4 dos casos",
    "what did we say when I set 3 goals",
    "what did I say when I set 2000 as the limit",
    "O que eu te falei do Marco?",
    "o que a Ana disse para o Marco?",
    "o que falamos do marco do projeto",
    "What did I hear from Marco?",
    "What did I say to Marco on the phone?",
    "O que você disse na segunda opção?",
    "O que combinamos na quarta reunião?",
    "o que eu disse na sexta pergunta",
    "o que eu disse na segunda vez",
    "nesta quinta tentativa",
    "o que conversamos sobre o mar 3 vezes",
  ])("%s", (query) => {
    expect(findTimeExpression(query, { now: NOW, zone: ZONE })).toBeUndefined();
  });

  test.each(["the Corolla of 2019", "O que eu disse sobre o Corolla de 2019?", "a Copa de 2022"])(
    "a year that tells which one it is only favours: %s",
    (query) => {
      expect(findTimeExpression(query, { now: NOW, zone: ZONE })?.filter).toMatchObject({ kind: "range", isSoft: true });
    },
  );

  test.each(["in 2019", "em 2019", "no ano de 2019", "em maio de 2019"])("a year in which it was is certain: %s", (query) => {
    const filter = findTimeExpression(query, { now: NOW, zone: ZONE })?.filter;
    expect(filter).toMatchObject({ kind: "range" });
    expect(filter).not.toHaveProperty("isSoft");
  });

  test("a fraction is a date only after a word that dates stand after", () => {
    const word = fc.constantFrom("about", "sobre", "score", "nota", "the", "my", "com", "with", "has", "of", "do");
    fc.assert(
      fc.property(word, fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 12 }), (before, day, month) => {
        expect(rangeOf(`${before} ${day}/${month} support`)).toBeUndefined();
      }),
    );
  });
});

describe("dates all the same", () => {
  test.each([
    ["on 8/5", "2025-05-08", "2025-05-09"],
    ["em 08/05", "2025-05-08", "2025-05-09"],
    ["no dia 8/5", "2025-05-08", "2025-05-09"],
    ["o que falamos dia 8/5?", "2025-05-08", "2025-05-09"],
    ["between 3/5 and 7/5", "2025-05-03", "2025-05-08"],
    ["de 3/5 a 7/5", "2025-05-03", "2025-05-08"],
    ["entre 3/5 e 7/5", "2025-05-03", "2025-05-08"],
    ["from 3/5 to 7/5", "2025-05-03", "2025-05-08"],
    ["since 8/5", "2025-05-08", undefined],
    ["desde 8/5", "2025-05-08", undefined],
    ["about 24/07/2024", "2024-07-24", "2024-07-25"],
    ["em 3/5 do ano passado", "2024-05-03", "2024-05-04"],
    ["em 9 de out", "2024-10-09", "2024-10-10"],
    ["no dia 9 out", "2024-10-09", "2024-10-10"],
    ["9 out 2023", "2023-10-09", "2023-10-10"],
    ["em set de 2024", "2024-09-01", "2024-10-01"],
    ["em set 2024", "2024-09-01", "2024-10-01"],
    ["on Mar 3", "2025-03-03", "2025-03-04"],
    ["on 3 Mar", "2025-03-03", "2025-03-04"],
    ["Mar 3, 2024", "2024-03-03", "2024-03-04"],
    ["em marco", "2025-03-01", "2025-04-01"],
    ["Em Marco", "2025-03-01", "2025-04-01"],
    ["do março", "2025-03-01", "2025-04-01"],
    ["3 de Marco", "2025-03-03", "2025-03-04"],
    ["na segunda", "2025-06-16", "2025-06-17"],
    ["o que falamos na segunda?", "2025-06-16", "2025-06-17"],
    ["na segunda-feira", "2025-06-16", "2025-06-17"],
    ["na terça passada", "2025-06-17", "2025-06-18"],
    ["na terça sobre o stop", "2025-06-17", "2025-06-18"],
    ["na terça eu disse o quê?", "2025-06-17", "2025-06-18"],
    ["na quinta à tarde", "2025-06-12T12", "2025-06-12T19"],
    ["na quinta de manhã", "2025-06-12T04", "2025-06-12T12"],
    ["no sábado que eu falei", "2025-06-14", "2025-06-15"],
  ])("%s", (query, from, to) => {
    expect(rangeOf(query)).toEqual([local(from), to === undefined ? Infinity : local(to)]);
  });
});

describe("a date that is qualified is that date", () => {
  test.each([
    ["no dia 5 do mês passado", "2025-05-05", "2025-05-06"],
    ["dia cinco do mês passado", "2025-05-05", "2025-05-06"],
    ["the 5th of last month", "2025-05-05", "2025-05-06"],
    ["on the fifth of the month before last", "2025-04-05", "2025-04-06"],
    ["no dia 5 do mês retrasado", "2025-04-05", "2025-04-06"],
    ["no dia 5 deste mês", "2025-06-05", "2025-06-06"],
    ["em 8 de maio do ano passado", "2024-05-08", "2024-05-09"],
    ["on May 8th last year", "2024-05-08", "2024-05-09"],
    ["on the 8th of May of last year", "2024-05-08", "2024-05-09"],
    ["em 8 de maio do ano retrasado", "2023-05-08", "2023-05-09"],
    ["em maio do ano retrasado", "2023-05-01", "2023-06-01"],
    ["na terça da semana passada", "2025-06-10", "2025-06-11"],
    ["na terça-feira da semana passada", "2025-06-10", "2025-06-11"],
    ["on Tuesday of last week", "2025-06-10", "2025-06-11"],
    ["Tuesday last week", "2025-06-10", "2025-06-11"],
    ["last week on Tuesday", "2025-06-10", "2025-06-11"],
    ["na semana passada, na terça", "2025-06-10", "2025-06-11"],
    ["on Tuesday morning of last week", "2025-06-10T04", "2025-06-10T12"],
    ["na sexta da semana retrasada", "2025-06-06", "2025-06-07"],
    ["on Friday of the week before last", "2025-06-06", "2025-06-07"],
    ["na segunda desta semana", "2025-06-16", "2025-06-17"],
    ["antes de ontem", "2025-06-16", "2025-06-17"],
    ["o que eu disse antes de ontem à noite", "2025-06-16T18", "2025-06-17T04"],
    ["na noite passada", "2025-06-17T18", "2025-06-18T04"],
    ["last night", "2025-06-17T18", "2025-06-18T04"],
    ["na noite de ontem", "2025-06-17T18", "2025-06-18T04"],
  ])("%s", (query, from, to) => {
    expect(rangeOf(query)).toEqual([local(from), local(to)]);
  });

  test.each(["the 31st of the month before last", "no dia 31 do mês retrasado"])(
    "of a day that the month has not, the month is left: %s",
    (query) => {
      expect(rangeOf(query)).toEqual([local("2025-04-01"), local("2025-05-01")]);
    },
  );

  test("both languages mean the same day of the month before, on every day of the year", () => {
    const day = fc.integer({ min: 1, max: 28 });
    const now = fc.integer({ min: Date.UTC(2015, 0, 1), max: Date.UTC(2035, 0, 1) });
    fc.assert(
      fc.property(day, now, (wanted, at) => {
        const date = new Date(at);
        const from = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - 1, wanted);
        const range = [from, from + 86_400_000];
        const ordinal = `${wanted}${["th", "st", "nd", "rd"][wanted > 3 && wanted < 21 ? 0 : wanted % 10] ?? "th"}`;
        expect(rangeOf(`the ${ordinal} of last month`, at, "UTC")).toEqual(range);
        expect(rangeOf(`no dia ${wanted} do mês passado`, at, "UTC")).toEqual(range);
      }),
    );
  });
});

describe("stretches until now", () => {
  test.each([
    ["nos últimos dias", "2025-06-15"],
    ["nos últimos poucos dias", "2025-06-15"],
    ["over the last few days", "2025-06-15"],
    ["nas últimas semanas", "2025-05-28"],
    ["over the past month", "2025-05-18"],
  ])("%s", (query, from) => {
    expect(rangeOf(query)).toEqual([local(from), NOW + 1]);
  });

  test.each(["over the past month", "no último mês"])(
    "a month before its 31st day is the last day of a shorter one: %s",
    (query) => {
      const now = Date.parse("2025-03-31T15:00:00Z");
      expect(rangeOf(query, now)).toEqual([local("2025-02-28"), now + 1]);
    },
  );

  test.each(["over the past year", "no último ano"])("a year before 29 February is 28 February: %s", (query) => {
    const now = Date.parse("2024-02-29T15:00:00Z");
    expect(rangeOf(query, now)).toEqual([local("2023-02-28"), now + 1]);
  });
});
