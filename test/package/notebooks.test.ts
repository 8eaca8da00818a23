/** The notebooks, executed as a reader does, on the built package: each runs through, and shows what its saved page shows. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { executeNotebook, hasJupyter, NOTEBOOKS, notebookFiles, shownBy, type Notebook } from "../support/notebooks.ts";

const here = await hasJupyter();
const names = await notebookFiles();

/** What differs from run to run: times, counts of tokens, names made at random. */
function steady(text: string): string {
  return text.replaceAll(/recalled-[0-9a-z]+/g, "recalled-…").replaceAll(/\d+(?:\.\d+)?/g, "#");
}

function kindsOf(notebook: Notebook): string[][] {
  return notebook.cells.map(({ outputs = [] }) => outputs.flatMap(({ data = {} }) => Object.keys(data)));
}

test("Jupyter is there on a machine that checks the project", () => {
  expect(here || process.env["CI"] !== "true").toBe(true);
});

test("there are notebooks", () => {
  expect(names.length).toBeGreaterThanOrEqual(5);
});

describe.skipIf(!here)("a notebook", () => {
  test.each(names)("%s runs through, and shows what is saved in it", async (name) => {
    const saved = JSON.parse(await readFile(join(NOTEBOOKS, name), "utf8")) as Notebook;
    const executed = await executeNotebook(join(NOTEBOOKS, name));
    expect(executed.cells.map((cell) => steady(shownBy(cell)))).toEqual(saved.cells.map((cell) => steady(shownBy(cell))));
    expect(kindsOf(executed)).toEqual(kindsOf(saved));
    expect(executed.cells.flatMap(({ outputs = [] }) => outputs.filter(({ name }) => name === "stderr"))).toEqual([]);
  });

  test("that throws, or does not compile, is told with what the kernel said", async () => {
    const folder = await mkdtemp(join(tmpdir(), "strata-notebook-"));
    try {
      for (const [source, complaint] of [
        ['throw new Error("the market is closed");', "the market is closed"],
        ['const price: number = "high";', "not assignable"],
      ] as const) {
        const path = join(folder, "bad.ipynb");
        await writeFile(path, JSON.stringify({ ...EMPTY, cells: [{ ...CELL, source }] }));
        await expect(executeNotebook(path)).rejects.toThrow(complaint);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

const CELL = { cell_type: "code", id: "bad", metadata: {}, execution_count: null, outputs: [] };
const EMPTY = {
  metadata: { kernelspec: { display_name: "TypeScript", language: "typescript", name: "tslab" } },
  nbformat: 4,
  nbformat_minor: 5,
};
