/** Executes every notebook and saves what it shows, so that it reads well where it is only looked at: `npm run notebooks`. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { executeNotebook, NOTEBOOKS, notebookFiles, type Notebook } from "../test/support/notebooks.ts";

for (const name of await notebookFiles()) {
  const path = join(NOTEBOOKS, name);
  const executed = await executeNotebook(path);
  const saved = JSON.parse(await readFile(path, "utf8")) as Notebook;
  // Only the outputs are taken over: what else the front end writes changes with its version.
  const cells = saved.cells.map((cell, each) =>
    cell.cell_type === "code" ? { ...cell, outputs: executed.cells[each]?.outputs } : cell,
  );
  await writeFile(path, `${JSON.stringify({ ...saved, cells }, undefined, 1)}\n`);
  process.stdout.write(`${name}\n`);
}
