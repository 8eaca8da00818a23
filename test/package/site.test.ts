/** The site as `npm run docs:site` makes it, and whether a link that leads nowhere is noticed. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { brokenLinks } from "../../scripts/site/links.ts";
import { readContents, ROOT } from "../../scripts/site/contents.ts";

let folder: string;
let site: string;

/** What is broken while one text of the front page is another. */
function withChange(from: string, to: string): readonly string[] {
  const file = join(site, "index.html");
  const html = readFileSync(file, "utf8");
  expect(html).toContain(from);
  writeFileSync(file, html.replace(from, to));
  try {
    return brokenLinks(site).map(({ page, link }) => `${page}: ${link}`);
  } finally {
    writeFileSync(file, html);
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "strata-site-"));
  site = join(folder, "site");
  await promisify(execFile)(process.execPath, ["--import", "tsx", "scripts/site/main.ts", site], { cwd: ROOT });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the site", () => {
  test("has every page, every example and every public subpath, and no link that leads nowhere", () => {
    const { pages } = readContents();
    expect(pages.length).toBeGreaterThan(80);
    expect(pages.filter(({ url }) => !existsSync(join(site, `${url}.html`)))).toEqual([]);
    expect(existsSync(join(site, "api/classes/langchain-strata.TieredCache.html"))).toBe(true);
    expect(existsSync(join(site, "api/functions/langchain-strata_redis.redisTier.html"))).toBe(true);
    expect(brokenLinks(site)).toEqual([]);
  });

  test("leads from its front page to getting started", () => {
    const front = readFileSync(join(site, "index.html"), "utf8");
    expect(front.indexOf('href="getting-started.html"')).toBeGreaterThan(0);
  });

  test.each([
    ["a page that is not there", 'href="guides/cache.html"', 'href="guides/cash.html"', "index.html: guides/cash.html"],
    [
      "an anchor that its page does not have",
      "cache.html#cachemodel",
      "cache.html#cashmodel",
      "index.html: guides/cache.html#cashmodel",
    ],
    [
      "something loaded from elsewhere",
      'src="assets/main.js"',
      'src="//cdn.example/main.js"',
      "index.html: //cdn.example/main.js",
    ],
  ])("goes red on %s", (_name, from, to, broken) => {
    expect(withChange(from, to)).toEqual([broken]);
  });
});
