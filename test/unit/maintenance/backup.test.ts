import { generateKeyPairSync, randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import type { CacheTier } from "../../../src/cache/tier.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { backup } from "../../../src/maintenance/backup/backup.ts";
import type { BackupPart } from "../../../src/maintenance/backup/backup-part.ts";
import { signerOf } from "../../../src/maintenance/backup/backup-key.ts";
import { Chain, FRAME_HEADER } from "../../../src/maintenance/backup/frame.ts";
import { forgettingLog } from "../../../src/maintenance/backup/forgetting-log.ts";
import { recordsPart } from "../../../src/maintenance/backup/parts/records-part.ts";
import { tierPart } from "../../../src/maintenance/backup/parts/tier-part.ts";
import { redactBackup } from "../../../src/maintenance/backup/redact.ts";
import { restore } from "../../../src/maintenance/backup/restore.ts";
import { verifyBackup } from "../../../src/maintenance/backup/verify.ts";
import { ownerMark } from "../../../src/maintenance/backup/owner-mark.ts";
import { scopeDigest } from "../../../src/core/scope.ts";
import { attached, contentsOf, sealedEntry } from "../../support/filled-tier.ts";

const root = mkdtempSync(join(tmpdir(), "strata-backup-"));
afterAll(() => rmSync(root, { recursive: true }));

let files = 0;
const freshPath = (): string => join(root, `${++files}.backup`);
const key = randomBytes(32);

async function filled(count: number, name = "memory"): Promise<CacheTier> {
  const tier = { ...attached(memoryTier()), name };
  await tier.set(Array.from({ length: count }, (_, index) => sealedEntry({ name: index, text: `answer ${index} `.repeat(200) })));
  return tier;
}

/** The frames of a backup as bytes, the magic first. */
const NOTHING = Buffer.alloc(0);

function framesOf(path: string): Buffer[] {
  const bytes = readFileSync(path);
  const frames = [bytes.subarray(0, 8)];
  for (let at = 8; at < bytes.byteLength;) {
    const end = at + 116 + bytes.readUInt32LE(at + 16);
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}

describe("a backup", () => {
  test("brings everything back, byte for byte", async () => {
    const from = await filled(3_000);
    const to = freshPath();
    const report = await backup({ to, parts: [tierPart(from)], key });
    expect(report.parts).toEqual([{ name: "memory", records: 3_000, bytes: expect.any(Number) as number }]);
    expect(report.bytes).toBe(statSync(to).size);
    expect(framesOf(to).length).toBeGreaterThan(6);

    const target = attached(memoryTier());
    const restored = await restore({ from: to, parts: [tierPart(target)], key });
    expect(restored.parts).toMatchObject([{ restored: 3_000, present: 0, forgotten: 0, refused: 0, expired: 0 }]);
    expect(await contentsOf(target)).toEqual(await contentsOf(from));
    for await (const entry of from.entries()) {
      const [again] = await target.get([entry.key]);
      expect(Buffer.compare(Buffer.from(again?.value ?? []), Buffer.from(entry.value))).toBe(0);
      expect(again?.tags).toEqual(entry.tags);
      expect(again?.scope).toBe(entry.scope);
    }
  });

  test("is restored twice with the same outcome", async () => {
    const to = freshPath();
    await backup({ to, parts: [tierPart(await filled(50))] });
    const target = attached(memoryTier());
    await restore({ from: to, parts: [tierPart(target)] });
    const again = await restore({ from: to, parts: [tierPart(target)] });
    expect(again.parts).toMatchObject([{ restored: 0, present: 50 }]);
  });

  test("leaves what is newer, and what has expired out", async () => {
    const clock = manualClock();
    const now = clock.now();
    const source = attached(memoryTier(), clock);
    await source.set([
      sealedEntry({ name: "short", createdAt: now, expiresAt: now + 1_000 }),
      sealedEntry({ name: "changed", text: "old", createdAt: now }),
    ]);
    const to = freshPath();
    await backup({ to, parts: [tierPart(source)], clock });
    await clock.advance(5_000);
    const target = attached(memoryTier(), clock);
    await target.set([sealedEntry({ name: "changed", text: "new", createdAt: now + 2_000 })]);
    const report = await restore({ from: to, parts: [tierPart(target)], clock });
    expect(report.parts).toMatchObject([{ restored: 0, present: 1, expired: 1 }]);
    expect([...(await contentsOf(target)).values()]).toEqual(["new"]);
  });

  test("holds any record of any length", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: "binary", maxLength: 5_000 }), { maxLength: 60 }), async (texts) => {
        const to = freshPath();
        const found: unknown[] = [];
        const part = (values: readonly string[]): BackupPart =>
          recordsPart({
            name: "texts",
            list: () => values.map((value) => ({ value })),
            put: (some) => found.push(...some),
          });
        await backup({ to, parts: [part(texts)] });
        await restore({ from: to, parts: [part([])] });
        // What JSON makes of a lone half of a surrogate pair is the same text.
        expect(found).toEqual(texts.map((text) => JSON.parse(JSON.stringify(text))));
      }),
      { numRuns: 15 },
    );
  });

  test("keeps a record that is larger than a chunk", async () => {
    const to = freshPath();
    const value = "x".repeat(5_000_000);
    const found: unknown[] = [];
    const list = (): { value: string }[] => [{ value: "a" }, { value }, { value: "b" }];
    await backup({ to, parts: [recordsPart({ name: "texts", list, put: () => 0 })] });
    await restore({ from: to, parts: [recordsPart({ name: "texts", list: () => [], put: (some) => found.push(...some) })] });
    expect(found).toEqual(["a", value, "b"]);
  });

  test("says what is in it without restoring, and whether that was checked", async () => {
    const to = freshPath();
    const clock = manualClock();
    await backup({ to, parts: [tierPart(await filled(10))], key, system: "shop", clock });
    const parts = [{ name: "memory", kind: "cache", records: 10, bytes: expect.any(Number) as number }];
    expect(await verifyBackup({ from: to, key })).toEqual({
      ...{
        id: expect.any(String) as string,
        system: "shop",
        createdAt: clock.now(),
        signature: "hmac-sha256",
        authentic: true,
        parts,
      },
    });
    expect(await verifyBackup({ from: to })).toMatchObject({ authentic: false, parts });
    const plain = freshPath();
    await backup({ to: plain, parts: [tierPart(await filled(10))] });
    expect(await verifyBackup({ from: plain })).toMatchObject({ signature: "none", authentic: false });
  });

  test("signed with a private key is checked with the public one, which cannot write", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const to = freshPath();
    await backup({ to, parts: [tierPart(await filled(10))], key: privateKey });
    expect(await verifyBackup({ from: to, key: publicKey })).toMatchObject({ signature: "ed25519", authentic: true });
    await expect(backup({ to: freshPath(), parts: [tierPart(await filled(1))], key: publicKey })).rejects.toThrow("private key");
    const other = generateKeyPairSync("ed25519").publicKey;
    await expect(verifyBackup({ from: to, key: other })).rejects.toThrow("not signed with the given key");
  });
});

describe("a restore of several parts", () => {
  const named = (name: string, put: (values: readonly unknown[]) => Promise<number>): BackupPart =>
    recordsPart({ name, list: () => Array.from({ length: 6 }, (_, value) => ({ value: [value, "x".repeat(600_000)] })), put });
  const idle = async (values: readonly unknown[]): Promise<number> => Promise.resolve(values.length);

  test("works on two at a time, and gives every record to its own", async () => {
    const path = freshPath();
    await backup({ to: path, parts: [named("a", idle), named("b", idle)] });
    let isSecondThere = (): void => undefined;
    const second = new Promise<void>((resolve) => (isSecondThere = resolve));
    const got = new Map([
      ["a", 0],
      ["b", 0],
    ]);
    const counting = (name: string, before: () => Promise<void> | void): BackupPart =>
      named(name, async (values) => {
        await before();
        got.set(name, (got.get(name) ?? 0) + values.length);
        return values.length;
      });
    // The first would wait for ever if the second were begun after it.
    const report = await restore({ from: path, parts: [counting("a", () => second), counting("b", () => isSecondThere())] });
    expect(report.parts.map(({ name, restored }) => [name, restored])).toEqual([...got]);
    expect([...got.values()]).toEqual([6, 6]);
  });

  test("ends the others when one fails, and has nothing under way when it rejects", async () => {
    const path = freshPath();
    await backup({ to: path, parts: [named("a", idle), named("b", idle)] });
    let [written, underWay] = [0, 0];
    let fail = (): void => undefined;
    const failed = new Promise<void>((resolve) => (fail = resolve));
    const slow = named("a", async (values) => {
      underWay++;
      await failed;
      await new Promise((resolve) => setTimeout(resolve, 5));
      underWay--;
      written += values.length;
      return values.length;
    });
    const broken = named("b", () => {
      fail();
      return Promise.reject(new Error("the place is gone"));
    });
    await expect(restore({ from: path, parts: [slow, broken] })).rejects.toThrow("the place is gone");
    expect(underWay).toBe(0);
    expect(written).toBeLessThan(6);
  });
});

describe("a backup that is not as it was written", () => {
  const target = (): { readonly tier: CacheTier; readonly writes: () => number } => {
    const tier = attached(memoryTier());
    let writes = 0;
    return { tier: { ...tier, set: (entries) => (writes++, tier.set(entries)) }, writes: () => writes };
  };

  async function refused(path: string, options: Partial<Parameters<typeof restore>[0]>, reason: string): Promise<void> {
    const { tier, writes } = target();
    const failure = await restore({ from: path, parts: [tierPart(tier)], ...options }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "CORRUPT" });
    expect(String(failure)).toContain(reason);
    expect(writes()).toBe(0);
  }

  test.each([
    ["without a key", undefined],
    ["with a key", key],
  ])("is refused whole when it is torn, at any place (%s)", async (_name, own) => {
    const path = freshPath();
    await backup({ to: path, parts: [tierPart(await filled(400))], key: own });
    const size = statSync(path).size;
    const bytes = readFileSync(path);
    for (const length of [0, 7, 8, 20, 200, Math.floor(size / 2), size - 117, size - 1]) {
      writeFileSync(path, bytes);
      truncateSync(path, length);
      await refused(path, { key: own }, "cannot be used");
    }
    writeFileSync(path, Buffer.concat([bytes, Buffer.from("more")]));
    await refused(path, { key: own }, "something follows");
  });

  test.each([
    ["without a key", undefined],
    ["with a key", key],
  ])("is refused whole for one changed bit, anywhere (%s)", async (_name, own) => {
    const path = freshPath();
    await backup({ to: path, parts: [tierPart(await filled(30))], key: own });
    const bytes = readFileSync(path);
    for (let place = 0; place < bytes.byteLength; place += place < 400 ? 1 : 97) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(place) ^ (1 << (place % 8)), place);
      writeFileSync(path, changed);
      await refused(path, { key: own }, "");
    }
    // The signatures of the later frames.
    let at = 8;
    for (const frame of framesOf(path).slice(1)) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at + 115) ^ 1, at + 115);
      writeFileSync(path, changed);
      await refused(path, { key: own }, "");
      at += frame.byteLength;
    }
  });

  test.each([
    ["more than deflate can hold", { rawLength: 400 * 1024 ** 2, records: 1 }, "would inflate to more"],
    ["more than a chunk of several records has", { rawLength: 17 * 1024 ** 2 }, "does not know"],
    ["a compressed end", { kind: "part-end", records: 0 }, "would inflate to more"],
  ] as const)("is refused before anything is inflated when a forger's frame says %s", async (_name, forged, reason) => {
    const path = freshPath();
    await backup({ to: path, parts: [tierPart(await filled(3_000))] });
    const [magic = NOTHING, manifest = NOTHING, one = NOTHING] = framesOf(path);
    const signer = signerOf("key", undefined);
    const chain = new Chain();
    chain.open(manifest.subarray(0, FRAME_HEADER), manifest.subarray(FRAME_HEADER), signer);
    const honest = chain.copy().open(one.subarray(0, FRAME_HEADER), one.subarray(FRAME_HEADER), signer);
    expect(honest.codec).toBe(1);
    const header = chain.seal({ ...honest, ...forged }, signer);
    writeFileSync(path, Buffer.concat([magic, manifest, header, honest.stored]));
    await refused(path, {}, reason);
  });

  test("is refused whole when frames were swapped, left out or repeated, also with a key", async () => {
    const path = freshPath();
    await backup({ to: path, parts: [tierPart(await filled(3_000))], key });
    const frames = framesOf(path);
    const [magic, manifest, one, two, ...rest] = frames as [Buffer, Buffer, Buffer, Buffer, ...Buffer[]];
    for (const order of [
      [magic, manifest, two, one, ...rest],
      [magic, manifest, two, ...rest],
      [magic, manifest, one, one, two, ...rest],
      [magic, one, manifest, two, ...rest],
      [magic, manifest, rest.at(-1) as Buffer],
    ]) {
      writeFileSync(path, Buffer.concat(order));
      await refused(path, { key }, "not in order");
    }
  });

  test("is refused with another key, without its key, and where a key was expected", async () => {
    const path = freshPath();
    await backup({ to: path, parts: [tierPart(await filled(5))], key });
    await refused(path, { key: randomBytes(32) }, "not signed with the given key");
    await refused(path, {}, "no key was given");
    await backup({ to: path, parts: [tierPart(await filled(5))] });
    await refused(path, { key }, "not signed with the given key");
  });

  test("is refused for another system, and for none where it names one", async () => {
    const path = freshPath();
    await backup({ to: path, parts: [tierPart(await filled(5))], system: "shop" });
    await refused(path, { system: "bank" }, "another system");
    await refused(path, {}, "give its name");
    await backup({ to: path, parts: [tierPart(await filled(5))] });
    await refused(path, { system: "shop" }, "names no system");
  });

  test("is refused when a part is of another kind or a newer release", async () => {
    const path = freshPath();
    const list = (): [] => [];
    const put = (): number => 0;
    await backup({ to: path, parts: [recordsPart({ name: "memory", list, put, version: 2 })] });
    await refused(path, {}, "goes into no");
    await expect(restore({ from: path, parts: [recordsPart({ name: "memory", list, put })] })).rejects.toThrow("newer release");
    await expect(restore({ from: path, parts: [recordsPart({ name: "other", list, put })] })).rejects.toThrow(
      "parts of the backup",
    );
    expect((await restore({ from: path, parts: [recordsPart({ name: "memory", list, put, version: 3 })] })).parts).toHaveLength(
      1,
    );
  });

  test("is no file at all", async () => {
    const folder = mkdtempSync(join(root, "folder-"));
    const parts = [tierPart(await filled(1))];
    await expect(restore({ from: folder, parts })).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect(backup({ to: folder, parts })).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect(restore({ from: join(root, "nowhere"), parts: [tierPart(await filled(1))] })).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
    writeFileSync(join(root, "text"), "hello");
    await refused(join(root, "text"), {}, "no backup of this library");
  });
});

describe("a backup that is interrupted", () => {
  async function interrupted(to: string, options: Partial<Parameters<typeof backup>[0]> = {}): Promise<void> {
    const controller = new AbortController();
    const second: BackupPart = {
      ...tierPart(await filled(10, "second")),
      async backup() {
        controller.abort(new Error("stopped"));
        controller.signal.throwIfAborted();
      },
    };
    const parts = [tierPart(await filled(3_000, "first")), second];
    await expect(backup({ to, parts, signal: controller.signal, ...options })).rejects.toThrow("stopped");
    expect(existsSync(to)).toBe(false);
    expect(existsSync(`${to}.partial`)).toBe(true);
    expect(existsSync(`${to}.lock`)).toBe(false);
  }
  const both = async (): Promise<BackupPart[]> => [tierPart(await filled(10, "first")), tierPart(await filled(10, "second"))];

  test("goes on after its whole parts", async () => {
    const to = freshPath();
    await interrupted(to, { key });
    // What was being written when it stopped.
    writeFileSync(`${to}.partial`, Buffer.concat([readFileSync(`${to}.partial`), randomBytes(5_000)]));
    const report = await backup({ to, parts: await both(), key });
    expect(report).toMatchObject({ resumed: 1, parts: [{ records: 3_000 }, { records: 10 }] });
    expect(await verifyBackup({ from: to, key })).toMatchObject({
      authentic: true,
      parts: [{ records: 3_000 }, { records: 10 }],
    });
    expect(existsSync(`${to}.partial`)).toBe(false);
  });

  test.each([
    ["with another key", {}],
    ["for another system", { key, system: "other" }],
  ])("begins anew %s", async (_name, options) => {
    const to = freshPath();
    await interrupted(to, { key });
    expect(await backup({ to, parts: await both(), ...options })).toMatchObject({ resumed: 0, parts: [{ records: 10 }, {}] });
  });

  test("begins anew a day later, and when somebody was forgotten since", async () => {
    const clock = manualClock();
    const to = freshPath();
    await interrupted(to, { clock });
    await clock.advance(90_000_000);
    expect(await backup({ to, parts: await both(), clock })).toMatchObject({ resumed: 0 });

    const forgotten = forgettingLog({ path: freshPath(), clock });
    const again = freshPath();
    await interrupted(again, { clock, forgotten });
    await clock.advance(1_000);
    await forgotten.add({ scope: { user: "ana" } });
    expect(await backup({ to: again, parts: await both(), clock, forgotten })).toMatchObject({ resumed: 0 });
  });

  test("does not touch the backup before it", async () => {
    const to = freshPath();
    await backup({ to, parts: [tierPart(await filled(7))] });
    const before = readFileSync(to);
    const failing: BackupPart = { ...tierPart(await filled(1)), backup: () => Promise.reject(new Error("no")) };
    await expect(backup({ to, parts: [failing] })).rejects.toThrow("no");
    expect(readFileSync(to).equals(before)).toBe(true);
  });

  test("is not joined by a second one to the same place", async () => {
    const to = freshPath();
    let go = (): void => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    const waiting: BackupPart = { ...tierPart(await filled(1)), backup: () => held };
    const first = backup({ to, parts: [waiting] });
    await expect.poll(() => existsSync(`${to}.partial`)).toBe(true);
    await expect(backup({ to, parts: [tierPart(await filled(1))] })).rejects.toThrow("Another backup");
    go();
    await first;
    // A process that is gone holds nothing.
    writeFileSync(`${to}.lock`, "999999999");
    await backup({ to, parts: [tierPart(await filled(1))] });
    // Nor does one that had the number of this one, as in a container that was started again.
    writeFileSync(`${to}.lock`, String(process.pid));
    await expect(backup({ to, parts: [tierPart(await filled(1))] })).rejects.toThrow("Another backup");
    const before = Date.now() / 1_000 - process.uptime() - 60;
    utimesSync(`${to}.lock`, before, before);
    await backup({ to, parts: [tierPart(await filled(1))] });
  });

  test("is written to a file of its own, whatever lies in its place", async () => {
    const [to, elsewhere] = [freshPath(), freshPath()];
    writeFileSync(elsewhere, "precious");
    symlinkSync(elsewhere, `${to}.partial`);
    await backup({ to, parts: [tierPart(await filled(1))] });
    expect(readFileSync(elsewhere, "utf8")).toBe("precious");
    writeFileSync(`${to}.partial`, "laid here", { mode: 0o666 });
    chmodSync(`${to}.partial`, 0o666);
    await backup({ to, parts: [tierPart(await filled(1))] });
    expect(statSync(to).mode & 0o777).toBe(0o600);
  });
});

describe("somebody who was forgotten", () => {
  const ana = { tenant: "shop", user: "ana" };
  const ben = { tenant: "shop", user: "ben" };

  async function two(): Promise<CacheTier> {
    const tier = attached(memoryTier());
    await tier.set([
      sealedEntry({ name: 1, scope: ana, text: "canary" }),
      sealedEntry({ name: 2, scope: ben, text: "canary" }),
      sealedEntry({ name: 3, text: "everybody" }),
    ]);
    return tier;
  }

  test("does not come back through a restore", async () => {
    const to = freshPath();
    const forgotten = forgettingLog({ path: freshPath() });
    await backup({ to, parts: [tierPart(await two())] });
    await forgotten.add({ scope: ana });
    const target = attached(memoryTier());
    expect((await restore({ from: to, parts: [tierPart(target)], forgotten })).parts).toMatchObject([
      { restored: 2, forgotten: 1 },
    ]);
    // A wider scope takes those within it along.
    await forgotten.add({ scope: { tenant: "shop" } });
    const empty = attached(memoryTier());
    expect((await restore({ from: to, parts: [tierPart(empty)], forgotten })).parts).toMatchObject([
      { restored: 1, forgotten: 2 },
    ]);
    expect([...(await contentsOf(empty)).values()]).toEqual(["everybody"]);
  });

  test("may come again afterwards, and is kept then", async () => {
    const clock = manualClock();
    const forgotten = forgettingLog({ path: freshPath(), clock });
    await forgotten.add({ scope: ana });
    await clock.advance(120_000);
    const to = freshPath();
    await backup({ to, parts: [tierPart(await two())], clock, forgotten });
    const target = attached(memoryTier());
    expect((await restore({ from: to, parts: [tierPart(target)], clock, forgotten })).parts).toMatchObject([{ restored: 3 }]);
  });

  test("while a backup is written is not in it", async () => {
    const to = freshPath();
    const forgotten = forgettingLog({ path: freshPath() });
    const inner = recordsPart({
      name: "letters",
      list: () => [
        { value: "CANARY-OF-ANA", owners: [scopeDigest(ana)] },
        { value: "of-ben", owners: [scopeDigest(ben)] },
      ],
      put: () => 0,
    });
    const part: BackupPart = {
      ...inner,
      async backup(put, options) {
        await inner.backup(put, options);
        await forgotten.add({ scope: ana });
      },
    };
    const report = await backup({ to, parts: [part], forgotten, key });
    expect(report.bytes).toBe(statSync(to).size);
    expect(readFileSync(to).includes("CANARY-OF-ANA")).toBe(false);
    expect(readFileSync(to).includes("of-ben")).toBe(true);
    expect((await verifyBackup({ from: to, key })).parts).toMatchObject([{ records: 1 }]);
  });

  test("is taken out of a backup that exists", async () => {
    const to = freshPath();
    await backup({ to, parts: [tierPart(await two())], key });
    const gone = new Set([ownerMark(scopeDigest(ana))]);
    await expect(redactBackup({ path: to, forgotten: gone })).rejects.toMatchObject({ code: "CORRUPT" });
    expect(await redactBackup({ path: to, key, forgotten: gone })).toEqual({ removed: 1, bytes: statSync(to).size });
    expect((await verifyBackup({ from: to, key })).parts).toMatchObject([{ records: 2 }]);
  });

  test("stays in the log after a torn write", async () => {
    const path = freshPath();
    const forgotten = forgettingLog({ path });
    await forgotten.add({ ownerId: "ana" });
    writeFileSync(path, `${readFileSync(path, "utf8")}{"at":12`);
    await forgotten.add({ ownerId: "ben", scope: ben });
    expect((await forgotten.forgotten()).size).toBe(3);
    expect(readFileSync(path, "utf8")).not.toContain("ana");
    await expect(forgotten.add({})).rejects.toMatchObject({ code: "CONFIG" });
  });
});

describe("options", () => {
  test.each([
    [{ to: "" }, "backup.to"],
    [{ parts: [] }, "backup.parts"],
    [{ parts: [{}] }, "backup.parts"],
    [{ key: Buffer.alloc(8) }, "backup.key"],
    [{ too: 1 }, "backup.too"],
  ])("%j is refused", async (wrong, name) => {
    const right = { to: freshPath(), parts: [tierPart(await filled(1))] };
    const failure = await backup({ ...right, ...(wrong as object) }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "CONFIG", option: name });
  });

  test("two parts of one name are refused", async () => {
    const part = tierPart(await filled(1));
    await expect(backup({ to: freshPath(), parts: [part, part] })).rejects.toThrow("no two are equal");
  });
});
