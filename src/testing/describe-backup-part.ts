/**
 * The contract of `BackupPart` as tests. This package's own parts are held to it; `test/contract/broken-backup-parts.test.ts` shows that it
 * fails those that do not keep it.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import type { MaybePromise } from "../core/abort.ts";
import { systemClock } from "../core/clock.ts";
import type { BackupPart, BackupRecord, RestoredPart } from "../maintenance/backup/backup-part.ts";
import { OWNER_MARK_LENGTH } from "../maintenance/backup/owner-mark.ts";

/** One place as a part, and what it holds. */
export interface BackupPlace {
  readonly part: BackupPart;
  /** Everything that a restore has to bring back, as a value that `toEqual` compares. */
  readonly contents: () => MaybePromise<unknown>;
}

export interface BackupPartBed {
  /** Holds at least three records, of which none has expired. */
  readonly filled: BackupPlace;
  /** Another place of the same kind, which holds nothing. */
  readonly empty: BackupPlace;
  readonly close?: (() => MaybePromise<void>) | undefined;
}

/** Makes the places anew; called once for each test. */
export type MakeBackupPart = () => MaybePromise<BackupPartBed>;

/**
 * Declares the tests that every part of a backup must pass, under `describe(name)`. Needs `vitest`.
 * @example
 * ```ts
 * describeBackupPart("settings", () => ({
 *   filled: { part: settingsPart(three), contents: () => three.all() },
 *   empty: { part: settingsPart(none), contents: () => none.all() },
 * }));
 * ```
 */
export function describeBackupPart(name: string, make: MakeBackupPart): void {
  async function open(): Promise<BackupPartBed> {
    const bed = await make();
    onTestFinished(() => bed.close?.());
    return bed;
  }

  describe(name, () => {
    test("is called by a name that a backup can hold, and says what its records are", async () => {
      const { filled, empty } = await open();
      expect(filled.part.name).toMatch(/^[\w:.-]{1,64}$/);
      expect(filled.part.kind).not.toBe("");
      expect(empty.part.kind).toBe(filled.part.kind);
      expect(Number.isInteger(filled.part.version) && filled.part.version > 0).toBe(true);
    });

    test("hands over its records, the same again, and changes nothing by that", async () => {
      const { filled } = await open();
      const before = await filled.contents();
      const records = await recordsOf(filled.part);
      expect(records.length).toBeGreaterThanOrEqual(3);
      for (const { owners } of records) for (const owner of owners) expect(owner).toHaveLength(OWNER_MARK_LENGTH);
      expect(asTexts(await recordsOf(filled.part)).toSorted()).toEqual(asTexts(records).toSorted());
      expect(await filled.contents()).toEqual(before);
    });

    test("waits until there is room for the next record", async () => {
      const { filled } = await open();
      let [waiting, most, count] = [0, 0, 0];
      await filled.part.backup(async () => {
        count++;
        most = Math.max(most, ++waiting);
        await new Promise((go) => setTimeout(go, 1));
        waiting--;
      }, {});
      expect(count).toBeGreaterThanOrEqual(3);
      expect(most).toBe(1);
    });

    test.each([
      ["one at a time", 1],
      ["all at once", Infinity],
    ])("brings everything back, equal, in batches of %s", async (_size, size) => {
      const { filled, empty } = await open();
      const records = await recordsOf(filled.part);
      const outcome = await restore(empty.part, records, size);
      expect(outcome).toEqual({ restored: records.length, present: 0, expired: 0, refused: 0 });
      expect(await empty.contents()).toEqual(await filled.contents());
    });

    test("keeps nothing of the memory that it was given", async () => {
      const { filled, empty } = await open();
      const records = await recordsOf(filled.part);
      await restore(empty.part, records, Infinity);
      for (const { body } of records) body.fill(0);
      expect(await empty.contents()).toEqual(await filled.contents());
    });

    test("changes nothing when it is restored again, and says so", async () => {
      const { filled, empty } = await open();
      const records = await recordsOf(filled.part);
      await restore(empty.part, records, Infinity);
      const before = await empty.contents();
      const outcome = await restore(empty.part, records, Infinity);
      expect(outcome).toMatchObject({ restored: 0, present: records.length });
      expect(await empty.contents()).toEqual(before);
    });

    test("writes what it is given and no more: who was forgotten is left out before", async () => {
      const { empty } = await open();
      const before = await empty.contents();
      expect(await restore(empty.part, [], 1)).toEqual({ restored: 0, present: 0, expired: 0, refused: 0 });
      expect(await empty.contents()).toEqual(before);
    });

    test("ends with the reason of a signal that has aborted, and writes nothing", async () => {
      const { filled, empty } = await open();
      const records = await recordsOf(filled.part);
      const before = await empty.contents();
      const reason = new Error("enough");
      const signal = AbortSignal.abort(reason);
      await expect(filled.part.backup(() => undefined, { signal })).rejects.toBe(reason);
      await expect(restore(empty.part, records, 1, signal)).rejects.toBe(reason);
      expect(await empty.contents()).toEqual(before);
    });
  });
}

/** As a file would hold them: bodies of their own. */
async function recordsOf(part: BackupPart): Promise<BackupRecord[]> {
  const records: BackupRecord[] = [];
  await part.backup((owners, ...body) => {
    records.push({ owners: [...owners], body: Buffer.concat(body.map((piece) => Buffer.from(piece as Uint8Array))) });
  }, {});
  return records;
}

async function restore(
  part: BackupPart,
  records: readonly BackupRecord[],
  size: number,
  signal?: AbortSignal,
): Promise<RestoredPart> {
  async function* batches(): AsyncGenerator<readonly BackupRecord[]> {
    for (let from = 0; from < records.length; from += size) yield records.slice(from, from + size);
  }
  const now = systemClock.now();
  return part.restore(batches(), { createdAt: now, now, forgotten: new Map(), signal });
}

function asTexts(records: readonly BackupRecord[]): string[] {
  return records.map(({ owners, body }) => `${owners.join()} ${body.toString("latin1")}`);
}
