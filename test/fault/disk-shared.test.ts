/** Processes that share a folder. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { findDamage } from "../../src/cache/tiers/disk-check.ts";
import { diskTier } from "../../src/cache/tiers/disk.ts";
import { systemClock } from "../../src/core/clock.ts";
import { keyOf } from "../fixtures/disk/entries.ts";
import { startTypeScript, type TypeScriptChild } from "../support/typescript-child.ts";

const MEBIBYTE = 1024 * 1024;

let root = "";
let workers: TypeScriptChild[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "strata-shared-"));
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.kill()));
  workers = [];
  rmSync(root, { recursive: true });
});

async function startWorkers(count: number, maxBytes: number, folder = "cache"): Promise<TypeScriptChild[]> {
  const words = [join(root, folder), String(maxBytes)];
  workers = Array.from({ length: count }, () => startTypeScript("test/fixtures/disk/worker.ts", words));
  for (const worker of workers) expect(await worker.next()).toEqual({ ready: true });
  return workers;
}

async function ask(worker: TypeScriptChild | undefined, order: object): Promise<unknown> {
  worker?.send(order);
  return worker?.next();
}

/** Sees all of them whole; a reader may be behind another writer by the millisecond for which the engine keeps its view. */
async function expectRead(worker: TypeScriptChild | undefined, all: readonly string[]): Promise<void> {
  await vi.waitFor(async () => expect(await ask(worker, { read: all })).toEqual({ right: all.length, absent: 0, wrong: 0 }), {
    timeout: 20_000,
  });
}

function names(writer: string, count: number): string[] {
  return Array.from({ length: count }, (_, number) => `${writer} ${number}`);
}

interface Opening {
  times: number;
  readonly faults: string[];
}

/** What another process is writing at that moment must not look damaged to one that opens the file. */
async function openAgainAndAgain(path: string, opening: Opening, goOn: () => boolean): Promise<void> {
  const fault = (_operation: string, error: unknown): void => void opening.faults.push(String(error));
  for (; goOn(); opening.times++) {
    // A turn of the event loop each time: opening and closing need none, and the workers' answers come in one.
    await new Promise((resolve) => setTimeout(resolve, 5));
    const tier = diskTier({ path });
    tier.attach?.({ clock: systemClock, random: Math.random, evicted: () => undefined, fault });
    await tier.get([keyOf("one 0 0")]);
    await tier.close();
  }
}

describe("processes on one folder", { timeout: 240_000 }, () => {
  test("that make it at the same moment make one", async () => {
    for (let round = 0; round < 6; round++) {
      const writers = ["one", "two", "three"];
      const started = await startWorkers(writers.length, 1024 * MEBIBYTE, `cache ${round}`);
      await Promise.all(started.map((worker, index) => ask(worker, { write: names(writers[index] ?? "", 20) })));
      const all = writers.flatMap((writer) => names(writer, 20));
      for (const worker of started) {
        await expectRead(worker, all);
        expect(await ask(worker, { size: true })).toMatchObject({ faults: [] });
      }
      await Promise.all(started.map((worker) => worker.kill()));
    }
  });

  test("that open it at the same moment see each what the other writes, and what it wrote after it has ended", async () => {
    const [one, two] = await startWorkers(2, 1024 * MEBIBYTE);
    await Promise.all([ask(one, { write: names("one", 1_000) }), ask(two, { write: names("two", 1_000) })]);
    const all = [...names("one", 1_000), ...names("two", 1_000)];
    for (const worker of [one, two]) await expectRead(worker, all);
    expect(await ask(one, { close: true })).toEqual({ closed: true });
    expect(await one?.ended).toEqual({ code: 0, signal: null });
    await expectRead(two, all);
    expect(await ask(two, { size: true })).toMatchObject({ entries: 2_000, faults: [] });
  });

  test("both evict, and keep the bound together", async () => {
    const maxBytes = 6 * MEBIBYTE;
    const [one, two] = await startWorkers(2, maxBytes);
    let churning = true;
    const opening: Opening = { times: 0, faults: [] };
    const opener = openAgainAndAgain(join(root, "cache"), opening, () => churning);
    let rounds = 0;
    // More of them where a busy machine leaves little time for the opening meanwhile.
    for (; rounds < 4 || opening.times <= 5; rounds++) {
      const written = await Promise.all([
        ask(one, { write: names(`one ${rounds}`, 1_500) }),
        ask(two, { write: names(`two ${rounds}`, 1_500) }),
      ]);
      expect(written).toEqual([{ written: 1_500 }, { written: 1_500 }]);
    }
    churning = false;
    await opener;
    expect(opening.faults).toEqual([]);
    const last = rounds - 1;
    for (const worker of [one, two]) {
      const size = (await ask(worker, { size: true })) as { bytes: number; evicted: number; faults: string[] };
      expect(size.bytes).toBeLessThanOrEqual(maxBytes);
      expect(size.bytes).toBeGreaterThan(0.8 * maxBytes);
      expect(size.evicted).toBeGreaterThan(500);
      expect(size.faults).toEqual([]);
      const read = (await ask(worker, { read: [...names(`one ${last}`, 1_500), ...names(`two ${last}`, 1_500)] })) as {
        wrong: number;
        right: number;
      };
      expect(read.wrong).toBe(0);
      expect(read.right).toBeGreaterThan(100);
    }
    const file = join(root, "cache", "data.mdb");
    // Each process keeps free pages of its own, and one that stands still while it reads keeps what others free meanwhile. What was
    // written is ten times as much.
    expect(statSync(file).size).toBeLessThan(5 * maxBytes);
    for (const worker of [one, two]) await ask(worker, { close: true });
    expect(findDamage(file)).toBeUndefined();
  });

  test("lose nothing while another opens it, again and again", async () => {
    const [one, two] = await startWorkers(2, 1024 * MEBIBYTE);
    await Promise.all([ask(one, { write: names("one", 1) }), ask(two, { write: names("two", 1) })]);
    const opener = startTypeScript("test/fixtures/disk/opener.ts", [join(root, "cache")]);
    workers.push(opener);
    await opener.next();
    const all: string[] = [];
    // Until it was opened often enough in the middle of the writing.
    for (let round = 0; round < 4 || opener.messages.length <= 10; round++) {
      const written = ["one", "two"].map((name) => names(`${name} ${round}`, 3_000));
      await Promise.all([one, two].map((worker, index) => ask(worker, { write: written[index] })));
      all.push(...written.flat());
    }
    await opener.kill();
    // Beside what both wrote so that there is a file to open.
    const entries = all.length + 2;
    for (const worker of [one, two]) {
      await expectRead(worker, all);
      expect(await ask(worker, { size: true })).toMatchObject({ entries, faults: [] });
      await ask(worker, { close: true });
    }
    expect(findDamage(join(root, "cache", "data.mdb"))).toBeUndefined();
  });

  test("go on when one is killed", async () => {
    const [one, two] = await startWorkers(2, 1024 * MEBIBYTE);
    one?.send({ write: names("one", 100_000) });
    await ask(two, { write: names("before", 100) });
    await one?.kill();
    expect(await ask(two, { write: names("after", 200) })).toEqual({ written: 200 });
    const all = [...names("before", 100), ...names("after", 200)];
    await expectRead(two, all);
    expect(await ask(two, { size: true })).toMatchObject({ faults: [] });
  });
});
