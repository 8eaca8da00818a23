/** The pages that the tests of this folder read: every Markdown file at the root and below `docs/`. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT: string = fileURLToPath(new URL("../../..", import.meta.url));

/** Their paths, relative to the root. Hidden folders and the generated API reference are left out. */
export function pages(): readonly string[] {
  const root = readdirSync(ROOT).filter((name) => name.endsWith(".md"));
  const docs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md") && !path.split("/").some((part) => part.startsWith(".")))
    .map((path) => join("docs", path));
  return [...root, ...docs].toSorted();
}

export function readPage(page: string): string {
  return readFileSync(join(ROOT, page), "utf8");
}

/** A fenced block of code. */
export interface Block {
  readonly page: string;
  /** Of its first line of code, from 1. */
  readonly line: number;
  readonly language: string;
  /** The words behind the language. */
  readonly words: readonly string[];
  readonly code: string;
}

export function blocksOf(page: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { line: number; info: string; code: string[] } | undefined;
  for (const [index, text] of readPage(page).split("\n").entries()) {
    const fence = /^```(.*)$/.exec(text);
    if (fence === null) {
      open?.code.push(text);
    } else if (open === undefined) {
      open = { line: index + 2, info: fence[1] ?? "", code: [] };
    } else {
      const [language = "", ...words] = open.info.trim().split(/\s+/);
      blocks.push({ page, line: open.line, language, words, code: `${open.code.join("\n")}\n` });
      open = undefined;
    }
  }
  return blocks;
}

/** The text without its blocks of code. */
export function proseOf(page: string): string {
  return readPage(page).replace(/^```[\s\S]*?^```$/gm, "");
}
