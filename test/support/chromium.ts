/** Debian's Chromium, driven by playwright-core. */
import { existsSync } from "node:fs";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";

const PATH = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";
const SWITCHES = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
];

/** Where there is none, browser tests are skipped with a notice; a machine that checks the project may not skip them. */
export const hasChromium: boolean = existsSync(PATH);
if (!hasChromium) {
  const notice = `There is no browser at ${PATH} (apt-get install chromium, or CHROMIUM_PATH): the browser tests were NOT RUN`;
  if (process.env["CI"] === "true") throw new Error(notice);
  console.warn(`\n!!! ${notice} !!!\n`);
}

/** @param more switches of the command line */
export function launch(...more: readonly string[]): Promise<Browser> {
  return chromium.launch({ executablePath: PATH, args: [...SWITCHES, ...more] });
}

/** A page that notes everything that should not happen. */
export interface WatchedPage {
  readonly page: Page;
  /** Violations of the content security policy, script errors, dialogs, requests to other hosts. */
  readonly trouble: string[];
}

export async function watchedPage(context: BrowserContext): Promise<WatchedPage> {
  const trouble: string[] = [];
  const page = await context.newPage();
  await page.exposeFunction("reportTrouble", (text: string) => trouble.push(text));
  await page.addInitScript({
    content: `document.addEventListener("securitypolicyviolation", (event) =>
      reportTrouble("CSP: " + [event.violatedDirective, event.blockedURI, event.sourceFile, event.sample].join(" ")));`,
  });
  page.on("pageerror", (error) => trouble.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") trouble.push(`console: ${message.text()} ${message.location().url}`);
  });
  page.on("request", (request) => {
    if (!/^http:\/\/(?:127\.0\.0\.1|localhost):\d+\/|^data:/.test(request.url())) trouble.push(`request: ${request.url()}`);
  });
  return { page, trouble };
}
