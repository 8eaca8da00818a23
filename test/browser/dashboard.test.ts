/** The dashboard in a real browser: every page, live, in both themes and languages, and against those who should not be there. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startDashboard, type Dashboard } from "../../src/observability/dashboard/start-dashboard.ts";
import { hasChromium, launch, watchedPage, type WatchedPage } from "../support/chromium.ts";
import { livelySystem, type LivelySystem } from "../support/lively-system.ts";

const PAGES = ["overview", "decisions", "explorer", "conversations", "rerank", "alerts", "health"];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What somebody may have asked a model, and what it may have answered. */
const HOSTILE = [
  `<img src=x onerror="document.title='owned'">`,
  `</script><script>document.title='owned'</script>`,
  `<svg onload=alert(1)>`,
  `javascript:alert(1)`,
  `{{constructor.constructor('alert(1)')()}}`,
];

describe.skipIf(!hasChromium)("the dashboard in a browser", () => {
  let folder: string;
  let system: LivelySystem;
  let dashboard: Dashboard;
  let browser: Browser;
  let context: BrowserContext;
  let watched: WatchedPage;
  let page: Page;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "strata-browser-"));
    system = livelySystem({ folder: join(folder, "cache"), conversations: true });
    dashboard = await startDashboard({ ...system.source, allowWrites: true, showPrompts: true });
    for (const [index, text] of HOSTILE.entries()) await system.ask(`${text} question ${index}`, `${text} answer`);
    for (const question of ["What is an order block?", "What is an order block?", "So what is an order block?"])
      await system.ask(question);
    await system.converse();
    await system.source.conversations
      ?.history({ ownerId: `<b>${HOSTILE[0]}`, sessionId: `${HOSTILE[1]}` })
      .addUserMessage(HOSTILE.join(" "));
    browser = await launch();
  }, 240_000);

  afterAll(async () => {
    await browser?.close();
    await dashboard?.close();
    await system?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    context = await browser.newContext({ locale: "en-GB", timezoneId: "UTC" });
    watched = await watchedPage(context);
    page = watched.page;
  });
  afterEach(() => context.close());

  const enter = async (at: Dashboard = dashboard): Promise<void> => {
    await page.goto(at.link());
    await page.locator(".connection.live").waitFor();
  };
  const show = async (name: string): Promise<void> => {
    await page.goto(`${dashboard.url}/#/${name}`);
    await page.locator(`nav a[aria-current]`).filter({ hasText: /./ }).waitFor();
    await page.locator("h1").waitFor();
  };

  it("shows every page without a report of its security policy, an error, or a request to anybody else", async () => {
    await enter();
    for (const name of PAGES) {
      await page.click(`nav a[href="#/${name}"]`);
      await expect.poll(() => page.locator("nav a[aria-current]").getAttribute("href")).toBe(`#/${name}`);
      await expect.poll(() => page.locator("main .card").count(), { message: name }).toBeGreaterThan(0);
      await page.waitForTimeout(200);
    }
    expect(watched.trouble).toEqual([]);
  });

  for (const theme of ["light", "dark"]) {
    it(`has no flaw of accessibility that axe finds on any page, ${theme}`, { timeout: 240_000 }, async () => {
      await enter();
      await page.selectOption("#theme", theme);
      const found: string[] = [];
      for (const name of PAGES) {
        await show(name);
        await page.waitForTimeout(400);
        if (name === "explorer") await page.locator("button.link").first().waitFor();
        found.push(...(await axe(page, name)));
        if (name !== "explorer") continue;
        await page.locator("button.link").first().click();
        await page.locator("dialog[open]").waitFor();
        found.push(...(await axe(page, "entry")));
        await page.keyboard.press("Escape");
      }
      expect(found).toEqual([]);
    });
  }

  it("shows stored texts as texts, whatever they hold", async () => {
    const dialogs: string[] = [];
    page.on("dialog", (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    await enter();
    await show("explorer");
    await page.check(".toolbar input[type=checkbox]");
    await page.fill("input[type=search]", "onerror");
    // Its own row: the ones that the search leaves out are there until its answer is.
    await page.locator("tr", { hasText: "onerror" }).first().locator("button.link").click();
    await expect.poll(() => page.locator("dialog pre").first().textContent()).toContain("<img src=x onerror=");
    await page.keyboard.press("Escape");
    await page.fill("input[type=search]", "");
    await page.fill("input[type=search]", "owned");
    await expect.poll(() => page.locator("td.text").allTextContents()).toContainEqual(expect.stringContaining("</script>"));
    await show("conversations");
    await page.locator("td.text", { hasText: "<b>" }).first().waitFor();
    await page.locator("tr", { hasText: "<b>" }).getByRole("button").click();
    await page.locator(".messages li", { hasText: "svg onload" }).waitFor();
    expect(await page.title()).not.toContain("owned");
    expect(await page.locator("main img, main svg[onload], main script").count()).toBe(0);
    expect(dialogs).toEqual([]);
    expect(watched.trouble).toEqual([]);
  });

  it("keeps up while a system works hard", async () => {
    await enter();
    const lookups = (): Promise<number> =>
      page
        .locator(".tile .note", { hasText: "since start" })
        .first()
        .textContent()
        .then((text) => Number((text ?? "").replace(/\D/g, "")));
    const before = await lookups();
    const until = performance.now() + 4_000;
    let asked = 0;
    while (asked <= 500 || (performance.now() < until && asked < 20_000)) {
      for (let burst = 0; burst < 100; burst++) await system.ask(`question ${asked++ % 50}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // The figure on the page is at most a second and a half behind.
    const made = system.source.metrics.snapshot();
    const all = made.cache.hits + made.cache.misses;
    await expect.poll(lookups, { timeout: 20_000 }).toBeGreaterThanOrEqual(Math.min(all, 99_000) - 1);
    expect(before).toBeLessThan(all);
    await expect.poll(() => page.locator("canvas").count()).toBe(4);
    expect(watched.trouble).toEqual([]);
  });

  it("takes a verdict on a decision with one click", async () => {
    await system.ask("Tell me, what is an order block?");
    await enter();
    await show("decisions");
    const row = page.locator("tbody tr", { hasText: "served" }).first();
    await row.getByRole("button", { name: /was wrong/ }).click();
    await expect.poll(() => row.textContent()).toContain("said to be wrong");
    expect(system.source.events.decisions().some(({ verdict }) => verdict === "wrong")).toBe(true);
    expect(system.source.metrics.snapshot().semantic.feedback.wrong).toBeGreaterThan(0);
  });

  it("deletes what is chosen, after asking", async () => {
    await system.ask("Delete this one, uniquely worded");
    await system.source.cache.flush();
    await enter();
    await show("explorer");
    await page.request.post(`${dashboard.url}/api/entries/refresh`, {
      headers: { "x-strata-request": "1", origin: dashboard.url },
    });
    await page.fill("input[type=search]", "uniquely worded");
    await expect.poll(() => page.locator("tbody tr").count()).toBe(1);
    page.once("dialog", (dialog) => void dialog.accept());
    await page.locator("tbody input[type=checkbox]").check();
    await page.getByRole("button", { name: /Delete 1/ }).click();
    await expect.poll(() => page.locator("main").textContent()).toContain("1 entries deleted");
    expect(await system.ask("Delete this one, uniquely worded")).toBe(false);
  });

  it("speaks the visitor's language, and another when asked", async () => {
    const portuguese = await browser.newContext({ locale: "pt-BR" });
    const own = (await watchedPage(portuguese)).page;
    await own.goto(dashboard.link());
    await own.getByRole("heading", { name: "Visão geral" }).waitFor();
    expect(await own.getAttribute("html", "lang")).toBe("pt-BR");
    await own.selectOption("#language", "en");
    await own.getByRole("heading", { name: "Overview" }).waitFor();
    await portuguese.close();
  });

  it("is used with the keyboard alone", async () => {
    await enter();
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.className")).toBe("skip");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("main");
    await page.focus('nav a[href="#/explorer"]');
    await page.keyboard.press("Enter");
    await expect.poll(() => page.evaluate("document.activeElement.tagName")).toBe("H1");
    await page.focus("button.link");
    await page.keyboard.press("Enter");
    await page.locator("dialog[open]").waitFor();
    await page.keyboard.press("Escape");
    expect(await page.locator("dialog[open]").count()).toBe(0);
  });

  it("lets nobody in without the token, and whoever has it by a form that needs no script", async () => {
    const [answer] = await Promise.all([page.waitForResponse(`${dashboard.url}/`), page.goto(dashboard.url)]);
    expect(answer.status()).toBe(401);
    await page.fill("#token", "not the token");
    await page.click("button");
    await page.getByText("That is not the token.").waitFor();
    await page.fill("#token", dashboard.token);
    await page.click("button");
    await page.locator(".connection.live").waitFor();
    expect(await page.evaluate("document.cookie")).toBe("");
    expect(watched.trouble.filter((text) => !text.includes("401"))).toEqual([]);
  });

  it("opens a link once", async () => {
    const link = dashboard.link();
    await page.goto(link);
    await page.locator(".connection.live").waitFor();
    expect(page.url()).not.toContain("code");
    const other = await browser.newContext();
    const second = await other.newPage();
    expect((await second.goto(link))?.status()).toBe(401);
    await other.close();
  });

  it("asks for the token again when the session has ended", async () => {
    await enter();
    await context.clearCookies();
    await page.reload();
    await page.getByLabel("Token").waitFor();
  });

  it("refuses forms, requests and frames of other sites in a browser that is signed in", async () => {
    await enter();
    const evil = await evilSite(`
      <iframe src="${dashboard.url}/"></iframe>
      <form method="post" action="${dashboard.url}/api/clear" enctype="text/plain"><input name='{"a":"' value='"}'></form>`);
    const before = system.source.cache.stats().tiers[0]?.entries;
    const intruder = await context.newPage();
    const refused: number[] = [];
    intruder.on("response", (response) => {
      if (response.url().startsWith(dashboard.url)) refused.push(response.status());
    });
    await intruder.goto(evil.url);
    const read = `fetch("${dashboard.url}/api/stats", { credentials: "include" }).then((r) => r.text(), () => "refused")`;
    expect(await intruder.evaluate(read)).toBe("refused");
    const blind = `fetch("${dashboard.url}/api/clear", { method: "POST", mode: "no-cors", credentials: "include", body: "{}" }).then(() => 1, () => 0)`;
    await intruder.evaluate(blind);
    await intruder.evaluate("document.forms[0].submit()");
    // The form at least; whether refused requests without a reader are told of is the browser's affair.
    await expect.poll(() => refused.length).toBeGreaterThanOrEqual(2);
    expect(refused.every((status) => status === 403)).toBe(true);
    expect(system.source.cache.stats().tiers[0]?.entries).toBe(before);
    await evil.close();
  });

  it("is not there under a name that was made to point to this machine", async () => {
    const { port } = new URL(dashboard.url);
    const trapped = await launch("--host-resolver-rules=MAP evil.test 127.0.0.1");
    const victim = await trapped.newPage();
    const answer = await victim.goto(`http://evil.test:${port}/api/stats`);
    expect(answer?.status()).toBe(403);
    await trapped.close();
  });
});

/** What axe finds by its rules for WCAG 2 A and AA and by its best practices. */
async function axe(page: Page, name: string): Promise<string[]> {
  // The page's own policy lets no script in; the test asks the browser, not the page.
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: AXE });
  const { result } = await session.send("Runtime.evaluate", {
    expression: `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => JSON.stringify(violations.map(({ id, nodes }) => id + ": " + nodes.map(({ target, failureSummary }) => target.join(" ") + " " + failureSummary).slice(0, 3).join(" | "))))`,
    awaitPromise: true,
    returnByValue: true,
  });
  await session.detach();
  return (JSON.parse(String(result.value)) as string[]).map((violation) => `${name}: ${violation}`);
}

/** Another site on this machine: another origin, and for cookies the same site. */
async function evilSite(body: string): Promise<{ url: string; close(): Promise<void> }> {
  const server: Server = createServer((_request, response) =>
    response.setHeader("content-type", "text/html").end(`<!doctype html>${body}`),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
