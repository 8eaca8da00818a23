/** Every link of a built site that leads nowhere: to a file that is not there, or to an anchor that its page does not have. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

export interface BrokenLink {
  readonly page: string;
  readonly link: string;
}

/** @param site the folder; links to other hosts are not followed, but what a page loads from one is broken: the site needs no network */
export function brokenLinks(site: string): readonly BrokenLink[] {
  const files = readdirSync(site, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".html"));
  const pages = new Map(files.map((file) => [join(site, file), readPage(join(site, file))]));
  return [...pages].flatMap(([path, { links }]) =>
    links.filter((link) => !leadsSomewhere(path, link, pages)).map(({ url }) => ({ page: relative(site, path), link: url })),
  );
}

interface Link {
  readonly url: string;
  /** Whether the browser fetches it by itself. */
  readonly loaded: boolean;
}

interface Page {
  readonly links: readonly Link[];
  readonly anchors: ReadonlySet<string>;
}

function readPage(path: string): Page {
  // What stands in a script is no markup.
  const html = readFileSync(path, "utf8").replace(/(<script[^>]*>)[\s\S]*?<\/script>/g, "$1");
  const links = [...html.matchAll(/<(\w+)\b[^>]*?\s(?:href|src)="([^"]*)"/g)];
  return {
    links: links.map(([, tag = "", url = ""]) => ({ url: unescaped(url), loaded: tag !== "a" })),
    anchors: new Set([...html.matchAll(/\s(?:id|name)="([^"]+)"/g)].map(([, anchor = ""]) => unescaped(anchor))),
  };
}

function leadsSomewhere(from: string, { url, loaded }: Link, pages: ReadonlyMap<string, Page>): boolean {
  if (/^[a-z]+:|^\/\//i.test(url)) return !loaded || url.startsWith("data:");
  const [path = "", anchor = ""] = url.split("#");
  const target = path === "" ? from : resolve(dirname(from), decodeURIComponent(path.replace(/\?.*$/, "")));
  if (!existsSync(target) || !statSync(target).isFile()) return false;
  const page = pages.get(target);
  return anchor === "" || page === undefined || page.anchors.has(decodeURIComponent(anchor));
}

function unescaped(text: string): string {
  return text
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
