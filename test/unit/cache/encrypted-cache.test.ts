import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InMemoryCache } from "@langchain/core/caches";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import type { CacheTier, TierEntry } from "../../../src/cache/tier.ts";
import { baseCacheTier } from "../../../src/cache/tiers/base-cache.ts";
import { diskTier } from "../../../src/cache/tiers/disk.ts";
import { encryptedTier, tierAtRest } from "../../../src/cache/tiers/encrypted.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import type { StrataEvent } from "../../../src/core/events.ts";
import type { KeyRing } from "../../../src/encryption/key-ring.ts";
import { scopedKeys } from "../../../src/encryption/rings/scoped-keys.ts";
import { staticKeys } from "../../../src/encryption/rings/static-keys.ts";
import { fileKeyStore } from "../../../src/encryption/stores/file.ts";

const CANARY = "the canary sings at midnight";
let folder: string;
let events: StrataEvent[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "strata-encrypted-"));
  events = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const keys = { a: randomBytes(32), b: randomBytes(32) };
const ring = (current: "a" | "b" = "a", given: Readonly<Record<string, Buffer>> = keys): KeyRing =>
  staticKeys({ current, keys: given });
const perScope = (): KeyRing =>
  scopedKeys({ master: { current: "a", keys }, store: fileKeyStore({ path: join(folder, "keys") }) });

function open(encryption?: { keys: KeyRing; required?: boolean }, tiers: CacheTier[] = [disk()]): TieredCache {
  return new TieredCache({ tiers, scope: { user: "ada" }, encryption, observer: (event) => void events.push(event) });
}
const disk = (): CacheTier => diskTier({ path: join(folder, "cache") });

function bytesOnDisk(): Buffer {
  const path = join(folder, "cache");
  if (!existsSync(path)) return Buffer.alloc(0);
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  return Buffer.concat(files.map((file) => readFileSync(join(file.parentPath, file.name))));
}

async function put(cache: TieredCache, key = "k", value = CANARY): Promise<void> {
  await cache.set(key, value);
  await cache.flush();
}

const refusals = (): string[] => events.flatMap((event) => (event.type === "entry.rejected" ? [event.reason] : []));

describe("a cache with encryption", () => {
  test("stores nothing in clear, and gives back what it was given", async () => {
    const cache = open({ keys: ring(), required: true });
    await put(cache);
    expect(await cache.get("k")).toBe(CANARY);
    await cache.close();
    expect(bytesOnDisk().includes(CANARY)).toBe(false);
    const again = open({ keys: ring(), required: true });
    expect(await again.get("k")).toBe(CANARY);
    await again.close();
  });

  test("without it the same bytes do hold the text", async () => {
    const cache = open();
    await put(cache);
    await cache.close();
    expect(bytesOnDisk().includes(CANARY)).toBe(true);
  });

  test("keeps the memory tier plain", async () => {
    const memory = memoryTier();
    const cache = open({ keys: ring() }, [memory, disk()]);
    await put(cache);
    const values: Uint8Array[] = [];
    for await (const { value } of memory.entries()) values.push(value);
    expect(Buffer.concat(values).includes(CANARY)).toBe(true);
    await cache.close();
    expect(bytesOnDisk().includes(CANARY)).toBe(false);
  });

  test("reads what was stored before it was turned on, and refuses it where encryption is required", async () => {
    const before = open();
    await put(before);
    await before.close();
    const strict = open({ keys: ring(), required: true });
    expect(await strict.get("k")).toBeUndefined();
    expect(refusals()).toEqual(["A stored value cannot be used: it is not encrypted."]);
    await strict.close();
    const mild = open({ keys: ring() });
    expect(await mild.get("k")).toBe(CANARY);
    await mild.close();
  });

  test("reads under an older key, and misses when it is gone", async () => {
    const old = open({ keys: ring("a") });
    await put(old);
    await old.close();
    const rotated = open({ keys: ring("b") });
    expect(await rotated.get("k")).toBe(CANARY);
    await rotated.close();
    const without = open({ keys: ring("b", { b: keys.b }) });
    expect(await without.get("k")).toBeUndefined();
    expect(refusals()).toEqual(["A stored value cannot be used: its key is gone."]);
    // Left where it is: a process that was given all keys reads it.
    await without.close();
    const given = open({ keys: ring("b") });
    expect(await given.get("k")).toBe(CANARY);
    await given.close();
  });

  test("misses, with a cause, when a value was changed or moved to another key", async () => {
    const raw = disk();
    const cache = open({ keys: ring() }, [raw]);
    await put(cache, "one", `${CANARY} one`);
    await put(cache, "two", `${CANARY} two`);
    const entries: TierEntry[] = [];
    for await (const entry of raw.entries()) entries.push({ ...entry, value: Buffer.from(entry.value) });
    const [one, two] = entries as [TierEntry, TierEntry];
    await raw.set([{ ...one, value: two.value }]);
    const found = [await cache.get("one"), await cache.get("two")];
    expect(found.filter((value) => value === undefined)).toHaveLength(1);
    expect(refusals()).toHaveLength(1);
    expect(refusals()[0]).toContain("encrypted for another place");
    await cache.close();
  });

  test("never stores in clear because there is no key to be had", async () => {
    const failing: KeyRing = { ...ring(), current: () => Promise.reject(new Error("the key store is away")) };
    const cache = open({ keys: failing });
    await put(cache);
    expect(events.some((event) => event.type === "tier.fault")).toBe(true);
    await cache.close();
    expect(bytesOnDisk().includes(CANARY)).toBe(false);
  });

  test("demotes and evicts plain values to the store, which encrypts them anew below", async () => {
    const inner = disk();
    const evicted: TierEntry[] = [];
    const tier = encryptedTier(inner, { keys: ring() });
    let host: Parameters<NonNullable<CacheTier["attach"]>>[0] | undefined;
    inner.attach = (given) => void (host = given);
    tier.attach?.({
      ...{ clock: { now: () => 0, monotonic: () => 0, setTimer: () => () => undefined }, random: Math.random },
      ...{ evicted: (entries) => void evicted.push(...entries), fault: () => undefined },
    });
    const sealed: TierEntry[] = [];
    inner.set = (entries) => void sealed.push(...entries);
    await tier.set([{ key: "k".repeat(43), value: Buffer.from(CANARY) }]);
    expect(Buffer.from(sealed[0]?.value ?? []).includes(CANARY)).toBe(false);
    host?.evicted(sealed);
    expect(Buffer.from(evicted[0]?.value ?? []).toString()).toBe(CANARY);
    await inner.close();
  });

  test("tells the tier in which the ciphertext lies", () => {
    const inner = disk();
    expect(tierAtRest(encryptedTier(inner, { keys: ring() }))).toBe(inner);
    expect(tierAtRest(inner)).toBe(inner);
  });

  test("refuses a tier that cannot store ciphertext, and options that are none", () => {
    expect(() => open({ keys: ring() }, [baseCacheTier(new InMemoryCache())])).toThrow(/encryption/);
    expect(() => open({ keys: {} as KeyRing })).toThrow(/encryption\.keys/);
    expect(() => open({ keys: ring(), require: true } as never)).toThrow(/encryption\.require/);
    expect(() => open({ keys: ring(), required: "yes" as never })).toThrow(/encryption\.required/);
  });
});

describe("forgetting with a key for each scope", () => {
  test("makes unreadable what nobody could delete, and leaves others alone", async () => {
    const raw = disk();
    const cache = open({ keys: perScope() }, [raw]);
    await cache.set("k", CANARY, { scope: { tenant: "acme", user: "ada" } });
    await cache.set("k", CANARY, { scope: { tenant: "acme", user: "bob" } });
    await cache.flush();
    const copies: TierEntry[] = [];
    for await (const entry of raw.entries()) copies.push({ ...entry, value: Buffer.from(entry.value) });
    expect(copies).toHaveLength(2);
    const receipt = await cache.forget({ user: "ada" });
    expect(receipt).toMatchObject({ complete: true, failed: {} });
    // As a restored backup, or a tier that was away, brings them back.
    await raw.set(copies);
    expect(await cache.get("k", { scope: { tenant: "acme", user: "ada" } })).toBeUndefined();
    expect(await cache.get("k", { scope: { tenant: "acme", user: "bob" } })).toBe(CANARY);
    expect(refusals()).toEqual(["A stored value cannot be used: its key is gone."]);
    await cache.set("k", "new", { scope: { tenant: "acme", user: "ada" } });
    await cache.flush();
    expect(await cache.get("k", { scope: { tenant: "acme", user: "ada" } })).toBe("new");
    await cache.close();
  });

  test("says in the receipt when keys could not be dropped", async () => {
    const cache = open({ keys: { ...ring(), drop: () => Promise.reject(new Error("the key store is away")) } });
    const receipt = await cache.forget({ user: "ada" });
    expect(receipt).toMatchObject({ complete: false, failed: { keys: "the key store is away" } });
    await cache.close();
  });
});
