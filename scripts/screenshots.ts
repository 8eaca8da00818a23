/**
 * The pictures of docs/guides/dashboard.md: a system with traffic of its own, its dashboard in a real browser, one picture a page.
 *
 *     npx tsx scripts/screenshots.ts [FOLDER]      (npm run build first; needs chromium, and pngquant for small files)
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDashboard } from "../src/observability/dashboard/start-dashboard.ts";
import { launch } from "../test/support/chromium.ts";
import { livelySystem } from "../test/support/lively-system.ts";
import { seededRandom } from "../test/support/seeded-random.ts";

const TOPICS = [
  "order block",
  "fair value gap",
  "stop loss",
  "position size",
  "market structure",
  "liquidity sweep",
  "risk per trade",
  "take profit",
];
const FORMS = [
  "What is a TOPIC?",
  "Explain the idea of TOPIC to a beginner",
  "How do I use TOPIC in a small account?",
  "O que é TOPIC?",
  "When does TOPIC fail?",
];
const SECONDS = 45;

const folder = process.argv[2] ?? "docs/images";
mkdirSync(folder, { recursive: true });
const data = mkdtempSync(join(tmpdir(), "strata-screenshots-"));
const system = livelySystem({ folder: join(data, "cache"), conversations: true });
const random = seededRandom(7);
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() ** 1.6 * list.length)] as T;

const dashboard = await startDashboard({ ...system.source, allowWrites: true, showPrompts: true });
const browser = await launch();
const context = await browser.newContext({ viewport: { width: 1360, height: 880 }, locale: "en-GB", timezoneId: "UTC" });
const page = await context.newPage();
await page.goto(dashboard.link());
await system.converse();

// Bursts, so that the charts have something to show; what repeats more and more often is found more and more often.
for (let second = 0; second < SECONDS; second++) {
  const asks = 14 + Math.round(10 * Math.sin(second / 5) + random() * 8);
  for (let ask = 0; ask < asks; ask++) {
    const rank = random() < 0.82 ? "" : ` ${Math.floor(random() * 400)}`;
    await system.ask(pick(FORMS).replace("TOPIC", pick(TOPICS)) + rank);
  }
  if (second % 6 === 0) await system.converse();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
}

const shots = [
  ["overview", "overview", "light"],
  ["overview", "overview-dark", "dark"],
  ["decisions", "decisions", "light"],
  ["explorer", "explorer", "light"],
] as const;
for (const [name, file, theme] of shots) {
  await page.goto(`${dashboard.url}/#/${name}`);
  await page.selectOption("#theme", theme);
  await page.waitForTimeout(1_600);
  const path = join(folder, `dashboard-${file}.png`);
  await page.screenshot({ path });
  try {
    execFileSync("pngquant", ["--force", "--skip-if-larger", "--ext", ".png", "--quality", "60-90", path], { stdio: "ignore" });
  } catch {
    // The picture stays as it is.
  }
  console.log(path);
}
await browser.close();
await dashboard.close();
await system.close();
rmSync(data, { recursive: true, force: true });
