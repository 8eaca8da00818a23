/**
 * Executes the notebooks as a reader does: Jupyter, the TypeScript kernel `tslab`, the built package under its own name.
 *
 * The front end is Debian's (`jupyter-nbconvert`). tslab's own installer asks for IPython, which that does not bring, so the kernel
 * is described to it by hand. The kernel resolves modules from its folder: each notebook runs in a fresh one below our
 * `node_modules` (types of packages that are linked from elsewhere could not be named), with this checkout as `langchain-strata`.
 */
import { execFile } from "node:child_process";
import { access, copyFile, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const NOTEBOOKS: string = join(ROOT, "examples", "notebooks");
/** Debian's own program: another Python of the machine may come first in PATH, and lacks its modules. */
const CONVERT = "/usr/bin/jupyter-nbconvert";
const CELL_SECONDS = 120;

/** What Jupyter keeps of one cell. */
export interface Cell {
  readonly cell_type: "code" | "markdown";
  readonly source: string | readonly string[];
  readonly outputs?: readonly Output[];
}

export interface Output {
  readonly output_type: "stream" | "display_data" | "execute_result" | "error";
  readonly name?: "stdout" | "stderr";
  readonly text?: string | readonly string[];
  readonly data?: Readonly<Record<string, unknown>>;
}

export interface Notebook {
  readonly cells: readonly Cell[];
}

export async function hasJupyter(): Promise<boolean> {
  return access(CONVERT).then(
    () => true,
    () => false,
  );
}

export async function notebookFiles(): Promise<string[]> {
  return (await readdir(NOTEBOOKS)).filter((name) => name.endsWith(".ipynb")).toSorted();
}

/**
 * @param path of the notebook; it is not changed
 * @returns it with the outputs of this run
 * @throws where a cell fails, with what the kernel said
 */
export async function executeNotebook(path: string): Promise<Notebook> {
  const cache = join(await realpath(join(ROOT, "node_modules")), ".cache", "notebooks");
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, "run-"));
  try {
    await mkdir(join(folder, "node_modules"));
    await symlink(ROOT, join(folder, "node_modules", "langchain-strata"));
    await describeKernel(join(folder, "jupyter", "kernels", "tslab"));
    const name = basename(path);
    await copyFile(path, join(folder, name));
    const convert = (...more: string[]): Promise<unknown> =>
      promisify(execFile)(
        CONVERT,
        ["--to", "notebook", "--execute", `--ExecutePreprocessor.timeout=${CELL_SECONDS}`, "--output", "executed", ...more, name],
        {
          cwd: folder,
          env: {
            ...process.env,
            PATH: `/usr/bin:${process.env["PATH"] ?? ""}`,
            JUPYTER_PATH: join(folder, "jupyter"),
            HOME: folder,
          },
        },
      );
    const read = async (): Promise<Notebook> => JSON.parse(await readFile(join(folder, "executed.ipynb"), "utf8")) as Notebook;
    try {
      await convert();
    } catch (error) {
      // What the kernel said of a failing cell is in that cell's outputs alone, and these are written when errors are allowed.
      await convert("--allow-errors");
      const said = (await read()).cells.map(complaintsOf).filter((text) => text !== "");
      throw new Error(`${name} does not run through:\n${said.join("\n")}`, { cause: error });
    }
    return await read();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the compiler or a thrown error left below a cell. */
function complaintsOf(cell: Cell): string {
  return (cell.outputs ?? []).map(({ name, text }) => (name === "stderr" ? joined(text) : "")).join("");
}

/** What a reader sees below a cell, as text. */
export function shownBy(cell: Cell): string {
  const shown = (cell.outputs ?? []).map(({ text, data }) => joined(text) + joined(data?.["text/plain"]));
  return shown.join("");
}

function joined(text: unknown): string {
  if (Array.isArray(text)) return text.join("");
  return typeof text === "string" ? text : "";
}

async function describeKernel(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const tslab = join(ROOT, "node_modules", ".bin", "tslab");
  const argv = [tslab, "kernel", "--config-path", "{connection_file}"];
  await writeFile(join(folder, "kernel.json"), JSON.stringify({ argv, display_name: "TypeScript", language: "typescript" }));
}
