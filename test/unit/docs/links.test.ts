import { existsSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { pages, proseOf, ROOT } from "./pages.ts";

const LOCAL = /\[[^\]]*\]\((?!https?:|mailto:)([^)\s]+)\)/g;

/** An anchor as GitHub makes it from a heading. */
function anchorsOf(page: string): readonly string[] {
  return [...proseOf(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-"),
  );
}

function linksOf(page: string): ReadonlyArray<{ readonly file: string; readonly anchor: string | undefined }> {
  return [...proseOf(page).matchAll(LOCAL)].map(([, link = ""]) => {
    const [path = "", anchor] = link.split("#");
    return { file: path === "" ? join(ROOT, page) : resolve(ROOT, dirname(page), path), anchor };
  });
}

describe("links", () => {
  test.each(pages())("all local links of %s lead somewhere", (page) => {
    const broken = linksOf(page).filter(({ file, anchor }) => {
      if (!existsSync(file)) return true;
      return anchor !== undefined && (statSync(file).isDirectory() || !anchorsOf(relative(ROOT, file)).includes(anchor));
    });
    expect(broken.map(({ file, anchor }) => `${relative(ROOT, file)}${anchor === undefined ? "" : `#${anchor}`}`)).toEqual([]);
  });

  test("every page of docs can be reached from its index", () => {
    const reached = new Set<string>();
    const visit = (page: string): void => {
      if (reached.has(page)) return;
      reached.add(page);
      for (const { file } of linksOf(page)) if (file.endsWith(".md") && existsSync(file)) visit(relative(ROOT, file));
    };
    visit("docs/index.md");
    expect(pages().filter((page) => page.startsWith("docs/") && !reached.has(page))).toEqual([]);
  });
});
