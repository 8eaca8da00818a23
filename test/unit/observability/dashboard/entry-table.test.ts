import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digest } from "../../../../src/core/key.ts";
import {
  EntryTable,
  type EntryOrder,
  type EntryRow,
  type EntrySelection,
} from "../../../../src/observability/dashboard/entry-table.ts";

const row = (name: string, own: Partial<EntryRow> = {}): EntryRow => ({
  ...{ key: digest("k", name), scope: digest("s", "x"), tier: 0, createdAt: 0, expiresAt: 0, cost: 0, bytes: 1, words: name },
  ...own,
});

const all: EntrySelection = { words: [], keyStart: "", tiers: 0, order: "newest", limit: 10, after: -1 };

function names(table: EntryTable, rows: readonly number[], known: readonly EntryRow[]): string[] {
  return rows.map((at) => known.find(({ key }) => key === table.keyAt(at))?.words ?? "?");
}

describe("the table of entries", () => {
  it("pages through everything once, in the order asked for", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ createdAt: fc.integer({ min: 0, max: 5 }), bytes: fc.integer({ min: 1, max: 4 }) }), {
          maxLength: 60,
        }),
        fc.constantFrom<EntryOrder>("newest", "oldest", "largest", "costliest"),
        fc.integer({ min: 1, max: 7 }),
        (given, order, limit) => {
          const table = new EntryTable();
          const rows = given.map((own, index) => row(`n${index}`, { ...own, cost: own.bytes }));
          for (const one of rows) table.add(one);
          const seen: number[] = [];
          for (let after = -1; ;) {
            const page = table.select({ ...all, order, limit, after }, 1);
            expect(page.total).toBe(rows.length);
            seen.push(...page.rows);
            if (page.rows.length < limit) break;
            after = page.rows.at(-1) as number;
          }
          expect(new Set(seen).size).toBe(rows.length);
          const value = (at: number): number =>
            ({
              newest: -table.at(at).createdAt,
              oldest: table.at(at).createdAt,
              largest: -table.at(at).bytes,
              costliest: -table.at(at).cost,
            })[order];
          for (let place = 1; place < seen.length; place++) {
            expect(value(seen[place - 1] as number)).toBeLessThanOrEqual(value(seen[place] as number));
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it("finds the rows that a plain search of their words finds", () => {
    const words = fc
      .array(fc.constantFrom("order", "block", "ob", "stop", "ç", "a b"), { maxLength: 4 })
      .map((parts) => parts.join(" "));
    fc.assert(
      fc.property(
        fc.array(words, { maxLength: 30 }),
        fc.array(fc.constantFrom("order", "o", "block", "ç", "zz"), { minLength: 1, maxLength: 3 }),
        (texts, asked) => {
          const table = new EntryTable();
          const rows = texts.map((text, index) => row(`${index}`, { words: text }));
          for (const one of rows) table.add(one);
          const page = table.select({ ...all, words: asked, limit: 100 }, 1);
          const expected = rows.filter((one) => asked.every((word) => one.words.includes(word)));
          expect(page.rows.map((at) => table.keyAt(at)).toSorted()).toEqual(expected.map(({ key }) => key).toSorted());
          expect(page.total).toBe(expected.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("finds a row by the beginning of its key, keeps its scope, and notes every tier that has it", () => {
    const table = new EntryTable();
    const known = [row("one"), row("two", { scope: undefined })];
    for (const one of known) table.add(one);
    table.add(row("one", { tier: 2 }));
    const { key } = row("one");
    expect(table.size).toBe(2);
    const start = key.slice(0, 12);
    const page = table.select({ ...all, words: [start.toLowerCase()], keyStart: start }, 1);
    expect(names(table, page.rows, known)).toEqual(["one"]);
    expect(table.at(table.rowOf(key)).tiers).toBe(0b101);
    expect(table.scopeAt(table.rowOf(key))).toBe(digest("s", "x"));
    expect(table.scopeAt(table.rowOf(row("two").key))).toBeUndefined();
    expect(table.select({ ...all, tiers: 0b100 }, 1).total).toBe(1);
  });

  it("shows nothing that was removed or has ended", () => {
    const table = new EntryTable();
    for (const one of [row("a"), row("b", { expiresAt: 100 }), row("c")]) table.add(one);
    table.remove(row("a").key);
    table.remove(row("a").key);
    expect([table.size, table.rowOf(row("a").key)]).toEqual([2, -1]);
    expect(table.select(all, 99).total).toBe(2);
    expect(table.select(all, 100).total).toBe(1);
  });

  it("grows to many rows, and takes what it says", () => {
    const table = new EntryTable();
    for (let index = 0; index < 5_000; index++) table.add(row(`entry ${index}`, { createdAt: index }));
    expect(table.size).toBe(5_000);
    expect(table.select({ ...all, words: ["entry", "4321"] }, 1).total).toBe(1);
    expect(table.memory / 5_000).toBeLessThan(400);
  });
});
