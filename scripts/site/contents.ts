/**
 * The table of contents of the site is `docs/index.md`: its headings are the groups, its links the pages, in that order. A page that is not
 * named there is not on the site, and the site is then not made.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));
export const CONTENTS = "docs/index.md";
/** The page under which files of code are shown that pages link to. */
const SOURCES = "Files that the pages link to";

export interface SitePage {
  /** Below the root of the repository. */
  readonly file: string;
  readonly title: string;
  readonly group: string;
  /** Below the site, without `.html`. */
  readonly url: string;
  /** Markdown; of a file of code, the file in a block. */
  readonly text: string;
}

export interface SiteContents {
  readonly groups: readonly string[];
  readonly pages: readonly SitePage[];
  /** Tests, benchmarks, configs: they are found by their links, not in the tree. */
  readonly sources: readonly SitePage[];
}

/** Links of a page to files of the repository. Blocks of code hold no links. */
export function filesLinkedFrom(file: string, text: string): readonly string[] {
  const prose = text.replace(/^```[\s\S]*?^```$/gm, "");
  const links = [...prose.matchAll(/\[[^\]]*\]\((?!\w+:|#)([^)#\s]+)/g)].map(([, link = ""]) => link);
  return [...new Set(links.map((link) => relative(ROOT, join(ROOT, dirname(file), link))))];
}

export function readContents(): SiteContents {
  const listed = new Map<string, string>([["README.md", ""]]);
  const groups: string[] = [];
  for (const section of read(CONTENTS).split(/^## /m).slice(1)) {
    const group = section.slice(0, section.indexOf("\n"));
    groups.push(group);
    for (const file of filesLinkedFrom(CONTENTS, section)) if (isPage(file) && !listed.has(file)) listed.set(file, group);
  }
  listed.delete("README.md");
  const missing = markdownOf("docs").filter((file) => file !== CONTENTS && !listed.has(file));
  if (missing.length > 0) throw new Error(`${CONTENTS} does not name ${missing.join(", ")}.`);

  const contents = { ...page(CONTENTS, groups[0] ?? ""), title: "All pages", url: "contents" };
  const pages = [contents, ...[...listed].map(([file, group]) => page(file, group))];
  const isListed = (file: string): boolean => listed.has(file) || file === "README.md" || file === CONTENTS;
  const linked = pages
    .filter(({ file }) => file.endsWith(".md"))
    .concat(page("README.md", ""))
    .flatMap(({ file }) => filesLinkedFrom(file, read(file)))
    .filter((file) => !isListed(file) && isText(file));
  const sources = [...new Set(linked)].toSorted().map((file) => page(file, SOURCES));
  return { groups, pages, sources };
}

function page(file: string, group: string): SitePage {
  const text = read(file);
  if (!file.endsWith(".md")) {
    const title = file.split("/").at(-1) ?? file;
    return { file, group, title: group === SOURCES ? file : title, url: file, text: `# ${title}\n\n${shown(file, text)}` };
  }
  const [, title] = /^# (.+)\n/.exec(text) ?? [];
  if (title === undefined) throw new Error(`${file} does not begin with its title.`);
  const url = file
    .replace(/^docs\//, "")
    .replace(/\.md$/, "")
    .toLowerCase();
  return { file, group, title: title.replaceAll("`", ""), url, text };
}

/** A file of code as a page. */
function shown(file: string, text: string): string {
  if (file.endsWith(".ipynb")) return shownNotebook(text);
  const language = { ts: "ts", yaml: "yaml", yml: "yaml", json: "json" }[file.split(".").at(-1) ?? ""] ?? "text";
  const run =
    file.startsWith("examples/") && language === "ts" ? `\`npx tsx ${file}\`, in a checkout, after \`npm ci\`.\n\n` : "";
  return `${run}\`\`\`\`${language}\n${text.trimEnd()}\n\`\`\`\`\n`;
}

interface Notebook {
  readonly cells: ReadonlyArray<{ readonly cell_type: string; readonly source: string | readonly string[] }>;
}

/** A notebook without what it printed: that is read in a notebook. */
function shownNotebook(text: string): string {
  const { cells } = JSON.parse(text) as Notebook;
  const parts = cells.map(({ cell_type, source }) => {
    const code = typeof source === "string" ? source : source.join("");
    return cell_type === "markdown" ? code.replace(/^# .*\n/, "") : `\`\`\`ts\n${code}\n\`\`\``;
  });
  return `${parts.join("\n\n")}\n`;
}

const TEXT = /\.(?:ts|yaml|yml|json|ipynb|sh|mjs|html)$|\/Dockerfile$|^LICENSE$/;

function isText(file: string): boolean {
  return TEXT.test(file) && existsSync(join(ROOT, file)) && statSync(join(ROOT, file)).isFile();
}

function isPage(file: string): boolean {
  return existsSync(join(ROOT, file)) && (file.endsWith(".md") || isText(file));
}

function markdownOf(folder: string): readonly string[] {
  const all = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" });
  return all.filter((file) => file.endsWith(".md")).map((file) => join(folder, file));
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}
