/** `strata ingest` in a process of its own that is stopped or killed in the middle, beside a reader of the same folder. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { runCommand } from "../../src/cli/run-command.ts";
import { createStrata } from "../../src/create-strata.ts";
import type { Strata } from "../../src/system/strata.ts";
import { recordedTerminal } from "../support/recorded-terminal.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { startTypeScript, type TypeScriptChild } from "../support/typescript-child.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const FILES = 600;
/** Of each file: enough text for this many chunks of the default size. */
const PARTS = 3;
const WORDS = "order block gap risk stop entry candle volume trend range wick sweep".split(" ");
const QUESTIONS = ["what is the risk of number 7?", "order block 1200", "the sweep of range 44"];

interface Bed {
  readonly handbook: string;
  readonly data: (name: string) => string;
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "strata-ingest-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder of files with three chunks each. */
function bed(): Bed {
  const folder = newFolder();
  const handbook = join(folder, "handbook");
  // Texts without a pattern, so that no two chunks have the same score, whose order would be anybody's.
  const random = seededRandom(1);
  for (let at = 0; at < FILES; at++) {
    if (at % 100 === 0) mkdirSync(join(handbook, `part-${at / 100}`), { recursive: true });
    const sections = Array.from({ length: PARTS }, (_, part) => {
      const words = Array.from({ length: 130 }, () => WORDS[Math.floor(random() * WORDS.length)]);
      return `# Number ${at}, section ${part}\n\n${words.join(" ")}`;
    });
    writeFileSync(join(handbook, `part-${Math.floor(at / 100)}`, `${at}.md`), sections.join("\n\n"));
  }
  return { handbook, data: (name) => join(folder, name) };
}

async function open(data: string): Promise<Strata> {
  const strata = await createStrata({ data });
  onTestFinished(() => strata.close());
  return strata;
}

function started(...args: readonly string[]): TypeScriptChild {
  const child = startTypeScript(MAIN, args);
  onTestFinished(() => child.kill());
  return child;
}

async function strata(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly notes: string }> {
  const terminal = recordedTerminal();
  const code = await runCommand(args, COMMANDS, terminal);
  return { code, out: terminal.outs.join("\n"), notes: terminal.notes.join("\n") };
}

/** How many documents another process sees. */
async function counted({ documents }: Strata): Promise<number> {
  return (await documents.list()).length;
}

/** Every document that is there has all of its chunks; what is found comes whole. */
async function expectWhole({ documents }: Strata): Promise<void> {
  const there = new Set((await documents.list()).map(({ id, chunks }) => (expect(chunks, id).toBe(PARTS), id)));
  const found = await documents.search("order block risk", { k: 200 });
  for (const { metadata } of found) expect(there).toContain(metadata.documentId);
  const counts = new Map<string, Set<number>>();
  for (const { pageContent, metadata } of await documents.search("section", { k: 200 })) {
    expect(pageContent).toContain(`section ${metadata.chunk}`);
    counts.set(metadata.documentId, (counts.get(metadata.documentId) ?? new Set()).add(metadata.chunk));
  }
}

/** What there is, and what is found, scores included. */
async function stateOf({ documents }: Strata): Promise<unknown> {
  const list = await documents.list();
  const found = await Promise.all(QUESTIONS.map((question) => documents.search(question, { k: 20 })));
  return { list, found };
}

/** A process that is in the middle of it: some documents are there, and not all. */
async function midway(data: string, handbook: string): Promise<{ readonly child: TypeScriptChild; readonly seen: Strata }> {
  const child = started("ingest", handbook, "--data", data, "--batch", "32", "--json");
  const seen = await open(data);
  await expect.poll(() => counted(seen), { timeout: 30_000, interval: 5 }).toBeGreaterThan(50);
  return { child, seen };
}

describe("ingestion that is interrupted", () => {
  test.each(["SIGINT", "SIGKILL"] as const)(
    "by %s leaves whole documents; done again, it is as if it never was",
    async (signal) => {
      const { handbook, data } = bed();
      const { child, seen } = await midway(data("cut"), handbook);
      await expectWhole(seen);
      process.kill(child.pid ?? Number.NaN, signal);
      expect(await child.ended, child.noise).toEqual(
        signal === "SIGINT" ? { code: 130, signal: null } : { code: null, signal: "SIGKILL" },
      );
      const before = await counted(seen);
      expect(before).toBeGreaterThan(50);
      expect(before).toBeLessThan(FILES);
      await expectWhole(seen);
      if (signal === "SIGINT") {
        const report = JSON.parse(child.noise.split("\n").find((line) => line.startsWith("{")) ?? "null") as { stored: number };
        expect(report).toMatchObject({ stopped: true, stored: before, chunks: PARTS * before, failed: [] });
      }

      const again = await strata("ingest", handbook, "--data", data("cut"), "--json");
      expect(again.code, again.notes + again.out).toBe(0);
      // Only what is stored is embedded.
      expect(JSON.parse(again.out)).toMatchObject({ stored: FILES - before, unchanged: before, stopped: false, failed: [] });

      const whole = await open(data("whole"));
      await whole.addContext({ path: handbook });
      expect(await stateOf(seen)).toEqual(await stateOf(whole));
    },
  );
});

test("what cannot be used is named, on the terminal and in JSON, and the others go in", async () => {
  const folder = newFolder();
  const kept = join(newFolder(), "kept");
  writeFileSync(join(folder, "good.md"), "# Returns\n\nParcels may be returned within 30 days.");
  writeFileSync(join(folder, "broken.pdf"), "%PDF-1.7\nnot a document");
  writeFileSync(join(folder, "broken.json"), '{ "text": ');
  writeFileSync(join(folder, "binary.txt"), Buffer.from([0xff, 0xfe, 0, 1]));
  // Exists and cannot be read, whoever asks: no address of a process is 0.
  symlinkSync("/proc/self/mem", join(folder, "unreadable.md"));
  const paths = [folder, join(folder, "unreadable.md"), join(folder, "absent.md")];
  const { code, out } = await strata("ingest", ...paths, "--data", kept, "--json");
  expect(code).toBe(1);
  const report = JSON.parse(out) as { stored: number; failed: { source: string; error: string }[] };
  expect(report).toMatchObject({ stored: 1, stopped: false });
  const names = ["absent.md", "binary.txt", "broken.json", "broken.pdf", "unreadable.md"];
  expect(report.failed.map(({ source }) => source).toSorted()).toEqual(names.map((name) => join(folder, name)));
  for (const { source, error } of report.failed) expect(error).toContain(source);
  const [json, pdf, binary, unreadable] = ["broken.json", "broken.pdf", "binary.txt", "unreadable.md"].map(
    (name) => report.failed.find(({ source }) => source.endsWith(name))?.error,
  );
  expect(json).toContain("is no JSON");
  expect(pdf).toContain("is no PDF that can be read");
  expect(binary).toContain("is no UTF-8 text");
  expect(unreadable).toContain("cannot be read");

  const told = await strata("ingest", ...paths, "--data", kept);
  expect(told.notes.split("\n")).toHaveLength(names.length);
  expect(told.out).toMatch(/^0 stored \(0 chunks\), 1 unchanged, 5 failed, /);
  const found = await strata("search", "send a parcel back", "--data", kept);
  expect(found).toMatchObject({ code: 0, out: expect.stringContaining("within 30 days") as string });
});
