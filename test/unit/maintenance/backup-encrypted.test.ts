import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { CacheTier } from "../../../src/cache/tier.ts";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import { diskTier } from "../../../src/cache/tiers/disk.ts";
import { encryptedTier } from "../../../src/cache/tiers/encrypted.ts";
import type { KeyRing } from "../../../src/encryption/key-ring.ts";
import { scopedKeys } from "../../../src/encryption/rings/scoped-keys.ts";
import { backup } from "../../../src/maintenance/backup/backup.ts";
import { tierPart } from "../../../src/maintenance/backup/parts/tier-part.ts";
import { restore } from "../../../src/maintenance/backup/restore.ts";
import { damagedEntries } from "../../../src/maintenance/tasks/cleanup.ts";
import { mapStore } from "../../fixtures/broken-keys/broken-keys.ts";

const CANARY = "canary-in-a-backup-33aa";
const ada = { tenant: "acme", user: "ada" };
const bob = { tenant: "acme", user: "bob" };
let folder: string;
let keys: KeyRing;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "strata-backup-"));
  keys = scopedKeys({ master: { current: "m", keys: { m: randomBytes(32) } }, store: mapStore() });
});
afterEach(() => rmSync(folder, { recursive: true }));

const plain = (name: string): CacheTier => diskTier({ path: join(folder, name) });
const encrypted = (name: string): CacheTier => encryptedTier(plain(name), { keys, required: true });

async function fill(tier: CacheTier): Promise<void> {
  const cache = new TieredCache({ tiers: [tier], compression: "none" });
  for (const scope of [ada, bob]) await cache.set("k", `${CANARY} of ${scope.user}`, { scope, tags: ["all"] });
  await cache.flush();
}

async function read(tier: CacheTier): Promise<unknown[]> {
  const cache = new TieredCache({ tiers: [tier] });
  return [await cache.get("k", { scope: ada }), await cache.get("k", { scope: bob })];
}

test.each([
  ["by who has the keys", encrypted],
  ["by who has none, as a command on a folder", plain],
])("ciphertext is backed up as it is %s, and restored", async (_who, open) => {
  const source = encrypted("source");
  await fill(source);
  await source.close();
  const to = join(folder, "one.backup");
  const opened = open("source");
  await backup({ to, parts: [tierPart(opened)] });
  await opened.close();
  expect(readFileSync(to).includes(CANARY)).toBe(false);
  const target = open("target");
  expect(await restore({ from: to, parts: [tierPart(target)] })).toMatchObject({ parts: [{ restored: 2, refused: 0 }] });
  await target.close();
  const readable = encrypted("target");
  expect(await read(readable)).toEqual([`${CANARY} of ada`, `${CANARY} of bob`]);
  const cache = new TieredCache({ tiers: [readable] });
  expect(await cache.clear({ tag: "all" })).toBe(2);
  await cache.close();
});

test("who was forgotten does not come back out of an older backup", async () => {
  const source = encrypted("source");
  await fill(source);
  const to = join(folder, "older.backup");
  await backup({ to, parts: [tierPart(source)] });
  await source.close();
  await keys.drop((await new TieredCache({ tiers: [encrypted("empty")] }).forget({ user: "ada" })).scope);
  const target = encrypted("target");
  expect(await restore({ from: to, parts: [tierPart(target)] })).toMatchObject({ parts: [{ restored: 1, refused: 1 }] });
  expect(await read(target)).toEqual([undefined, `${CANARY} of bob`]);
  await target.close();
  // Also not for who has no keys, and restores what he cannot read.
  const blind = plain("blind");
  await restore({ from: to, parts: [tierPart(blind)] });
  await blind.close();
  const again = encrypted("blind");
  expect(await read(again)).toEqual([undefined, `${CANARY} of bob`]);
  await again.close();
});

test("what was backed up plain is encrypted on the way back", async () => {
  const source = plain("source");
  await fill(source);
  const to = join(folder, "plain.backup");
  await backup({ to, parts: [tierPart(source)] });
  await source.close();
  const target = encrypted("target");
  await restore({ from: to, parts: [tierPart(target)] });
  expect(await read(target)).toEqual([`${CANARY} of ada`, `${CANARY} of bob`]);
  await target.close();
  expect(readFileSync(join(folder, "target", "data.mdb")).includes(CANARY)).toBe(false);
});

test("a search for damage without the keys takes ciphertext for none", async () => {
  const source = encrypted("source");
  await fill(source);
  await source.close();
  const blind = plain("source");
  expect(await damagedEntries({ tiers: [blind] }).run()).toMatchObject({ items: 0 });
  await blind.close();
});
