/**
 * Files that are not what they were: LMDB maps its file and believes it, and a process that maps a truncated one ends with SIGBUS.
 * So each case runs in a process of its own kind, which is replaced when it ends; that it never is is what is proven.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCompression } from "../../src/cache/compression.ts";
import { TieredStore } from "../../src/cache/tiered-store.ts";
import { diskTier } from "../../src/cache/tiers/disk.ts";
import { systemClock } from "../../src/core/clock.ts";
import { digest } from "../../src/core/key.ts";
import { GLOBAL_SCOPE } from "../../src/core/scope.ts";
import { ANSWERS, answerOf } from "../fixtures/disk/answers.ts";
import type { Survived } from "../fixtures/disk/damaged.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { startTypeScript, type TypeScriptChild } from "../support/typescript-child.ts";

const PAGE = 4_096;
const CASE_MS = 20_000;

let root = "";
/** The file, without the room behind its pages. */
let whole = Buffer.alloc(0);
let child: TypeScriptChild | undefined;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "strata-damaged-"));
  const store = new TieredStore({
    tiers: [diskTier({ path: join(root, "whole") })],
    clock: systemClock,
    random: Math.random,
    emit: undefined,
    maxQueuedBytes: 1024 ** 2,
    compression: createCompression({ algorithm: "none" }),
  });
  // Written more than once, so that there are free pages too.
  for (let round = 0; round < 3; round++) {
    for (let name = 0; name < ANSWERS; name++) {
      const value = answerOf(String(name));
      const payload = Buffer.from(value);
      await store.set({
        key: digest(String(name)),
        scope: GLOBAL_SCOPE,
        payload,
        value,
        tags: [],
        expiresAt: undefined,
        cost: 1,
      });
      if (name % 10 === 0) await store.flush();
    }
    await store.flush();
  }
  await store.close();
  const file = readFileSync(join(root, "whole", "data.mdb"));
  whole = file.subarray(0, Math.ceil((file.findLastIndex((byte) => byte !== 0) + 1) / PAGE) * PAGE);
});

afterAll(async () => {
  await child?.kill();
  rmSync(root, { recursive: true });
});

let number = 0;

/** What a process finds in such a file, or how it ended. */
async function open(bytes: Buffer): Promise<Survived | string> {
  if (child === undefined) {
    child = startTypeScript("test/fixtures/disk/damaged.ts");
    await child.next();
  }
  child.send({ folder: join(root, `case ${number++}`), bytes: bytes.toString("base64") });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => (timer = setTimeout(() => resolve("hangs"), CASE_MS)));
  const outcome = await Promise.race([child.next() as Promise<Survived>, late]).catch((error: unknown) => String(error));
  clearTimeout(timer);
  if (typeof outcome === "string") {
    await child.kill();
    child = undefined;
  }
  return outcome;
}

interface Summary {
  readonly cases: number;
  /** Ended, hung, served something wrong, or did not work afterwards. */
  readonly bad: readonly string[];
  readonly untouched: number;
  readonly partly: number;
  readonly anew: number;
}

async function openAll(cases: ReadonlyArray<readonly [name: string, bytes: Buffer]>): Promise<Summary> {
  const bad: string[] = [];
  let [untouched, partly, anew] = [0, 0, 0];
  for (const [name, bytes] of cases) {
    const outcome = await open(bytes);
    if (typeof outcome === "string") bad.push(`${name}: ${outcome}`);
    else if (outcome.wrong > 0 || !outcome.works) bad.push(`${name}: ${JSON.stringify(outcome)}`);
    else if (outcome.right === ANSWERS) untouched++;
    else if (outcome.right > 0) partly++;
    else anew++;
  }
  return { cases: cases.length, bad, untouched, partly, anew };
}

test("a whole file is read, and nothing is told", async () => {
  expect(await open(whole)).toEqual({ right: ANSWERS, wrong: 0, rejected: 0, works: true, faults: [] });
});

test("garbage is set aside, with one event, and the tier begins anew", async () => {
  const head = whole.subarray(0, 200);
  const cases: ReadonlyArray<readonly [string, Buffer]> = [
    ["64 KB of noise", randomBytes(64 * 1024)],
    ["64 KB of zeros", Buffer.alloc(64 * 1024)],
    ["one byte", Buffer.from("x")],
    ["text", Buffer.from("This is no database.\n".repeat(500))],
    ["the head of a file, then noise", Buffer.concat([head, randomBytes(64 * 1024)])],
    ["both metas of a file, then noise", Buffer.concat([whole.subarray(0, 2 * PAGE), randomBytes(whole.length - 2 * PAGE)])],
    ["a file from its second page on", whole.subarray(PAGE)],
    ["a file of which two pages changed places", swapped(whole, 4, 9)],
  ];
  for (const [name, bytes] of cases) {
    const outcome = await open(bytes);
    expect(outcome, name).toEqual({ right: 0, wrong: 0, rejected: 0, works: true, faults: [expect.stringMatching(/damaged/)] });
  }
});

test("an empty file is a new one", async () => {
  expect(await open(Buffer.alloc(0))).toEqual({ right: 0, wrong: 0, rejected: 0, works: true, faults: [] });
});

test("a file truncated at any page, and beside it, ends no process", { timeout: 240_000 }, async () => {
  const lengths = [1, 23, 24, 100, 167, 168, 200, 2_048, 2_216];
  for (let page = 1; page * PAGE < whole.length; page++) lengths.push(page * PAGE + (page % 3) - 1);
  const { bad, cases, ...counts } = await openAll(lengths.map((length) => [`${length} bytes`, whole.subarray(0, length)]));
  expect(bad).toEqual([]);
  expect(cases).toBeGreaterThan(80);
  // Nothing that was cut off is believed in part: the last page is in use.
  expect(counts.partly).toBe(0);
});

test("a bit flipped in any place ends no process and serves nothing wrong", { timeout: 240_000 }, async () => {
  const random = seededRandom(11);
  const flips: number[] = [];
  // What the engine believes without a check lies in the heads of pages and in the metas, of which there are three.
  for (let page = 0; page < whole.length; page += PAGE) {
    for (let byte = Math.floor(random() * 6); byte < 24; byte += 6) flips.push((page + byte) * 8 + Math.floor(random() * 8));
  }
  for (const meta of [0, PAGE / 2, PAGE]) {
    for (let byte = 24; byte < 168; byte++) flips.push((meta + byte) * 8 + Math.floor(random() * 8));
  }
  flips.push(52 * 8 + 13);
  for (let sample = 0; sample < 300; sample++) flips.push(Math.floor(random() * whole.length * 8));
  const { bad, cases, ...counts } = await openAll(flips.map((bit) => [`bit ${bit}`, flipped(whole, bit)]));
  expect(bad).toEqual([]);
  expect(cases).toBeGreaterThan(1_000);
  expect(counts.partly, "answers that are rejected one by one").toBeGreaterThan(100);
  expect(counts.anew, "files that are set aside").toBeGreaterThan(100);
});

function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

function swapped(bytes: Buffer, one: number, other: number): Buffer {
  const copy = Buffer.from(bytes);
  bytes.copy(copy, one * PAGE, other * PAGE, (other + 1) * PAGE);
  bytes.copy(copy, other * PAGE, one * PAGE, (one + 1) * PAGE);
  return copy;
}
