/** One stored value, with each of its bits flipped and cut at each of its lengths: a miss each time, counted, and never an answer. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open as openEnvironment } from "lmdb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createCompression } from "../../src/cache/compression.ts";
import { TieredStore } from "../../src/cache/tiered-store.ts";
import { diskTier } from "../../src/cache/tiers/disk.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { StrataEvent } from "../../src/core/events.ts";
import { digest, type Digest } from "../../src/core/key.ts";
import { GLOBAL_SCOPE } from "../../src/core/scope.ts";

const ANSWER = JSON.stringify({ text: "The answer, with its tags and its time.", usage: 42 });
/** Stored before the value: the time at which it ends. The envelope has it too, and is believed. */
const EXPIRY_BYTES = 8;

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "strata-value-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function openStore() {
  const events: StrataEvent[] = [];
  const store = new TieredStore({
    tiers: [diskTier({ path: join(root, "cache") })],
    clock: systemClock,
    random: Math.random,
    emit: (event) => void events.push(event),
    maxQueuedBytes: 1024 ** 3,
    compression: createCompression({ algorithm: "none" }),
  });
  return { store, events };
}

/** Stores the answer under so many keys, and then gives to each what `change` makes of the stored bytes. */
async function storeAndChange(keys: readonly Digest[], change: (stored: Buffer, index: number) => Buffer): Promise<void> {
  const { store } = openStore();
  const expiresAt = Date.now() + 3_600_000;
  for (const key of keys) {
    const payload = Buffer.from(ANSWER);
    await store.set({ key, scope: GLOBAL_SCOPE, payload, value: ANSWER, tags: ["red"], expiresAt, cost: 1_000 });
  }
  await store.close();
  const environment = openEnvironment({ path: join(root, "cache"), maxDbs: 4 });
  const values = environment.openDB<Buffer, Buffer>({ name: "values-1", encoding: "binary", keyEncoding: "binary" });
  environment.transactionSync(() => {
    for (const [index, key] of keys.entries()) {
      const place = Buffer.from(key, "latin1");
      values.putSync(place, change(Buffer.from(values.getBinary(place) ?? []), index));
    }
  });
  await environment.close();
}

interface Read {
  readonly answers: readonly (string | undefined)[];
  readonly rejected: number;
  readonly faults: readonly StrataEvent[];
  readonly left: number | undefined;
}

async function read(keys: readonly Digest[]): Promise<Read> {
  const { store, events } = openStore();
  const answers: (string | undefined)[] = [];
  for (const key of keys) answers.push((await store.get(key, GLOBAL_SCOPE, (payload) => payload.toString("utf8")))?.value);
  // What is rejected is deleted behind the caller's back.
  await expect.poll(() => store.stats().tiers[0]?.entries).toBe(answers.filter((answer) => answer !== undefined).length);
  const { rejected, tiers } = store.stats();
  await store.close();
  return { answers, rejected, faults: events.filter(({ type }) => type === "tier.fault"), left: tiers[0]?.entries };
}

function keysFor(count: number): Digest[] {
  return Array.from({ length: count }, (_, index) => digest("value", String(index)));
}

async function storedBytes(): Promise<number> {
  let length = 0;
  await storeAndChange(keysFor(1), (stored) => {
    length = stored.byteLength;
    return stored;
  });
  return length;
}

test("a value that nobody touched is an answer", async () => {
  const keys = keysFor(3);
  await storeAndChange(keys, (stored) => stored);
  expect(await read(keys)).toEqual({ answers: [ANSWER, ANSWER, ANSWER], rejected: 0, faults: [], left: 3 });
});

test("a value with one bit flipped is a miss, whichever bit it is", async () => {
  const bits = (await storedBytes()) * 8;
  const first = EXPIRY_BYTES * 8;
  const keys = keysFor(bits - first);
  await storeAndChange(keys, (stored, index) => {
    const bit = first + index;
    stored[bit >> 3] = (stored[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return stored;
  });
  const { answers, rejected, faults } = await read(keys);
  expect(answers.every((answer) => answer === undefined)).toBe(true);
  expect(rejected).toBe(keys.length);
  expect(faults).toEqual([]);
  expect(keys.length).toBeGreaterThan(1_000);
});

test("a time with one bit flipped is the right answer or a miss", async () => {
  const keys = keysFor(EXPIRY_BYTES * 8);
  await storeAndChange(keys, (stored, bit) => {
    stored[bit >> 3] = (stored[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return stored;
  });
  const { store, events } = openStore();
  const answers = [];
  for (const key of keys) answers.push((await store.get(key, GLOBAL_SCOPE, (payload) => payload.toString("utf8")))?.value);
  await store.close();
  expect(new Set(answers)).toEqual(new Set([ANSWER, undefined]));
  expect(events.filter(({ type }) => type === "tier.fault")).toEqual([]);
});

test("a value that is cut short is a miss, at whichever length", async () => {
  const keys = keysFor(await storedBytes());
  await storeAndChange(keys, (stored, length) => stored.subarray(0, length));
  const { answers, rejected, faults, left } = await read(keys);
  expect(answers.every((answer) => answer === undefined)).toBe(true);
  expect(rejected).toBe(keys.length);
  expect({ faults, left }).toEqual({ faults: [], left: 0 });
});

test("a value of another key, of another scope, and one with more at its end, is a miss", async () => {
  const keys = keysFor(2);
  const stored: Buffer[] = [];
  await storeAndChange(keys, (bytes) => {
    stored.push(bytes);
    return bytes;
  });
  await storeAndChange(keys, (bytes, index) => (index === 0 ? (stored[1] ?? bytes) : Buffer.concat([bytes, Buffer.from([0])])));
  expect(await read(keys)).toMatchObject({ answers: [undefined, undefined], rejected: 2, faults: [] });
  await storeAndChange(keys, (bytes) => bytes);
  const { store } = openStore();
  expect(await store.get(keys[0] ?? "", digest("another scope"), (payload) => payload.toString())).toBeUndefined();
  expect(store.stats().rejected).toBe(1);
  await store.close();
});
