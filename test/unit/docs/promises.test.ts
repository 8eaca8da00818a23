import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { readPage, ROOT } from "./pages.ts";

const PAGE = "docs/promises.md";
/** What a row may show itself by: what runs. */
const RUNS = /^(?:examples|test|benchmarks)\//;

interface Row {
  readonly section: string;
  readonly promised: string;
  readonly here: string;
  readonly links: readonly string[];
}

function rowsOf(page: string): Row[] {
  const rows: Row[] = [];
  let section = "";
  for (const line of page.split("\n")) {
    if (line.startsWith("## ")) section = line.slice(3);
    const cells = line.startsWith("|") ? line.split("|").map((cell) => cell.trim()) : [];
    const [, promised = "", here = "", shown = ""] = cells;
    if (cells.length === 0 || promised === "promised" || promised.startsWith("---")) continue;
    rows.push({ section, promised, here, links: [...shown.matchAll(/\]\(([^)]+)\)/g)].map(([, link = ""]) => link) });
  }
  return rows;
}

const rows = rowsOf(readPage(PAGE));

describe("the table of promises", () => {
  test("has all five texts, and every promise once", () => {
    expect(new Set(rows.map(({ section }) => section)).size).toBe(5);
    expect(rows.length).toBeGreaterThan(50);
    expect(new Set(rows.map(({ promised, section }) => section + promised)).size).toBe(rows.length);
  });

  test.each(rows.map((row) => [row.promised, row] as const))("%s: is shown by what runs", (_name, { here, links }) => {
    expect(here).not.toBe("");
    expect(links.length).toBeGreaterThan(0);
    const files = links.map((link) => resolve(ROOT, dirname(PAGE), link));
    expect(files.filter((file) => !existsSync(file) || !RUNS.test(file.slice(join(ROOT, "/").length)))).toEqual([]);
  });

  test.each(["LZMA", "Elasticsearch", "federated learning"])("says why %s was refused", (promised) => {
    const row = rows.find((one) => one.promised === promised);
    expect(row?.here).toMatch(/^refused.*: .{60,}/);
  });
});
