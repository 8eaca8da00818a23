import { describe, expect, test } from "vitest";
import { findTimeExpression } from "../../../../src/memory/time/time-expression.ts";
import { calmest, durationOf } from "../../../support/calmest.ts";

/** A Wednesday, three in the afternoon in São Paulo (UTC-3). */
const ZONE = "America/Sao_Paulo";
const NOW = Date.parse("2026-03-18T18:00:00Z");

/** A stretch of local time, as `2026-03-17` or `2026-03-17T04`. */
function local(text: string): number {
  return Date.parse(`${text.includes("T") ? text : `${text}T00`}:00:00-03:00`);
}

function rangeOf(query: string): readonly [number, number] | undefined {
  const filter = findTimeExpression(query, { now: NOW, zone: ZONE })?.filter;
  return filter?.kind === "range" ? [filter.from, filter.to] : undefined;
}

describe("days, in English and Portuguese, with and without accents", () => {
  test.each([
    ["What did we discuss today?", "2026-03-18", "2026-03-19"],
    ["o que falamos hoje", "2026-03-18", "2026-03-19"],
    ["What did I say yesterday about the stop?", "2026-03-17", "2026-03-18"],
    ["O que eu disse ontem?", "2026-03-17", "2026-03-18"],
    ["ontem de manhã", "2026-03-17T04", "2026-03-17T12"],
    ["ontem de manha", "2026-03-17T04", "2026-03-17T12"],
    ["yesterday morning", "2026-03-17T04", "2026-03-17T12"],
    ["anteontem", "2026-03-16", "2026-03-17"],
    ["the day before yesterday", "2026-03-16", "2026-03-17"],
    ["há três dias", "2026-03-15", "2026-03-16"],
    ["ha tres dias", "2026-03-15", "2026-03-16"],
    ["três dias atrás", "2026-03-15", "2026-03-16"],
    ["faz 3 dias", "2026-03-15", "2026-03-16"],
    ["three days ago", "2026-03-15", "2026-03-16"],
    ["on May 8th", "2025-05-08", "2025-05-09"],
    ["May 8, 2024", "2024-05-08", "2024-05-09"],
    ["the eighth of May", "2025-05-08", "2025-05-09"],
    ["em 8 de maio", "2025-05-08", "2025-05-09"],
    ["no dia 8 de maio de 2024", "2024-05-08", "2024-05-09"],
    ["1º de março", "2026-03-01", "2026-03-02"],
    ["2026-02-03", "2026-02-03", "2026-02-04"],
    ["03/02/2026", "2026-02-03", "2026-02-04"],
    ["02/25/2026", "2026-02-25", "2026-02-26"],
    ["on the 5th", "2026-03-05", "2026-03-06"],
    ["no dia 20", "2026-02-20", "2026-02-21"],
    ["last Friday", "2026-03-13", "2026-03-14"],
    ["na sexta passada", "2026-03-13", "2026-03-14"],
    ["na última sexta-feira", "2026-03-13", "2026-03-14"],
    ["last Wednesday", "2026-03-11", "2026-03-12"],
    ["no domingo", "2026-03-15", "2026-03-16"],
  ])("%s", (query, from, to) => {
    expect(rangeOf(query)).toEqual([local(from), local(to)]);
  });
});

describe("weeks, months, years and stretches", () => {
  test.each([
    ["na semana passada", "2026-03-09", "2026-03-16"],
    ["last week", "2026-03-09", "2026-03-16"],
    ["na semana retrasada", "2026-03-02", "2026-03-09"],
    ["this week", "2026-03-16", "2026-03-23"],
    ["last weekend", "2026-03-14", "2026-03-16"],
    ["no fim de semana passado", "2026-03-14", "2026-03-16"],
    ["last month", "2026-02-01", "2026-03-01"],
    ["no mês passado", "2026-02-01", "2026-03-01"],
    ["two months ago", "2026-01-01", "2026-02-01"],
    ["há 2 meses", "2026-01-01", "2026-02-01"],
    ["em março", "2026-03-01", "2026-04-01"],
    ["in May", "2025-05-01", "2025-06-01"],
    ["em maio de 2024", "2024-05-01", "2024-06-01"],
    ["no ano passado", "2025-01-01", "2026-01-01"],
    ["in 2024", "2024-01-01", "2025-01-01"],
    ["between May 8th and June 9th", "2025-05-08", "2025-06-10"],
    ["de 8 de maio a 9 de junho", "2025-05-08", "2025-06-10"],
    ["from November 3rd to February 2nd", "2025-11-03", "2026-02-03"],
  ])("%s", (query, from, to) => {
    expect(rangeOf(query)).toEqual([local(from), local(to)]);
  });

  test.each([
    ["over the last three days", "2026-03-15"],
    ["nos últimos 3 dias", "2026-03-15"],
    ["over the last week", "2026-03-11"],
    ["na última semana", "2026-03-11"],
  ])("%s reaches until now", (query, from) => {
    expect(rangeOf(query)).toEqual([local(from), NOW + 1]);
  });

  test.each([
    ["since Monday, no: since May 8th", "2025-05-08", Infinity],
    ["desde ontem", "2026-03-17", Infinity],
    ["before yesterday", -Infinity, "2026-03-17"],
    ["antes de março", -Infinity, "2026-03-01"],
    ["depois de ontem", "2026-03-18", Infinity],
  ])("%s is open at one end", (query, from, to) => {
    const at = (time: string | number): number => (typeof time === "string" ? local(time) : time);
    expect(rangeOf(query)).toEqual([at(from), at(to)]);
  });
});

describe("sittings", () => {
  test.each([
    ["What did we discuss two sessions ago?", 2, 2, "from-end"],
    ["o que falamos há duas conversas?", 2, 2, "from-end"],
    ["duas conversas atrás", 2, 2, "from-end"],
    ["in our last conversation", 1, 1, "from-end"],
    ["na última conversa", 1, 1, "from-end"],
    ["na conversa anterior", 1, 1, "from-end"],
    ["the session before last", 2, 2, "from-end"],
    ["What did you recommend last time?", 1, 1, "from-end"],
    ["in our twenty-first discussion", 21, 21, "from-start"],
    ["na nossa 3ª conversa", 3, 3, "from-start"],
    ["na terceira sessão", 3, 3, "from-start"],
    ["the first time we spoke", 1, 1, "from-start"],
    ["a primeira vez que falamos", 1, 1, "from-start"],
    ["over sessions 2 through 4", 2, 4, "from-start"],
    ["from the first through third sessions", 1, 3, "from-start"],
    ["nas sessões 2 a 4", 2, 4, "from-start"],
  ])("%s", (query, from, to, counted) => {
    expect(findTimeExpression(query, { now: NOW, zone: ZONE })?.filter).toEqual({ kind: "sittings", from, to, counted });
  });
});

describe("what is no time", () => {
  test.each([
    "Qual é o último modelo da Tesla?",
    "quando posso retirar meu pedido?",
    "Qual foi meu último pedido?",
    "May I ask you something?",
    "You may be right about order 2024.",
    "my second order block",
    "the last candle",
    "uma segunda opinião",
    "I will set a stop at 2,000",
    "",
    "   ",
  ])("%j", (query) => {
    expect(findTimeExpression(query, { now: NOW, zone: ZONE })).toBeUndefined();
  });
});

test("what was understood is cut out, and the rest is left as it was written", () => {
  const found = findTimeExpression("O que eu disse ontem à noite sobre a operação?", { now: NOW, zone: ZONE });
  expect(found?.text).toBe("ontem à noite");
  expect(found?.rest).toBe("O que eu disse sobre a operação?");
});

test("the day is the user's, not the server's", () => {
  const late = Date.parse("2026-03-18T01:30:00Z");
  const saoPaulo = findTimeExpression("ontem", { now: late, zone: "America/Sao_Paulo" })?.filter;
  const lisbon = findTimeExpression("ontem", { now: late, zone: "Europe/Lisbon" })?.filter;
  expect(saoPaulo).toMatchObject({ from: Date.parse("2026-03-16T03:00:00Z") });
  expect(lisbon).toMatchObject({ from: Date.parse("2026-03-17T00:00:00Z") });
});

test("a day on which clocks change has 23 or 25 hours", () => {
  const filter = findTimeExpression("on October 25, 2026", {
    now: Date.parse("2026-11-01T12:00:00Z"),
    zone: "Europe/Lisbon",
  })?.filter;
  expect(filter).toMatchObject({ from: Date.parse("2026-10-24T23:00:00Z"), to: Date.parse("2026-10-26T00:00:00Z") });
});

test("a long text is read in a moment", async () => {
  const read = (): unknown => findTimeExpression("may da de the 1 ".repeat(10_000), { now: NOW, zone: ZONE });
  expect(await calmest(1_000, () => durationOf(read))).toBeLessThan(1_000);
});
