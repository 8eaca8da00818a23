import { describe, expect, test } from "vitest";
import type { ReadRange } from "../../history/message-log.ts";
import { idsOf, messages, TALK, type MessageLogBed } from "./bed.ts";

export function readingContract(bed: MessageLogBed): void {
  describe("reading", () => {
    test("gives nothing of a conversation that nobody began", async () => {
      const log = await bed.open();
      expect(await log.read(TALK)).toEqual([]);
      expect(await log.read(TALK, { limit: 5 })).toEqual([]);
    });

    test.each<readonly [ReadRange]>([
      [{}],
      [{ limit: 1 }],
      [{ limit: 20 }],
      [{ limit: 200 }],
      [{ limit: 0 }],
      [{ after: 10 }],
      [{ after: 130 }],
      [{ before: 3 }],
      [{ before: 1 }],
      [{ before: 60, limit: 7 }],
      [{ after: 20, before: 31 }],
      [{ after: 20, before: 101, limit: 30 }],
      [{ after: 20, before: 21 }],
      [{ after: 95, limit: 500 }],
      [{ after: 5_000 }],
    ])("gives the newest of a range, oldest first: %o", async (range) => {
      const log = await bed.open();
      const given = messages("m", 130);
      for (let at = 0; at < given.length; at += 13) await log.append(TALK, given.slice(at, at + 13));
      const { after = 0, before = Infinity, limit = Infinity } = range;
      const all = await log.read(TALK);
      expect(idsOf(all)).toEqual(idsOf(given));
      const expected = all.filter(({ seq }) => seq > after && seq < before);
      const newest = expected.slice(Math.max(0, expected.length - limit));
      expect(await log.read(TALK, range)).toEqual(newest);
      await log.drain();
      expect(await log.read(TALK, range)).toEqual(newest);
    });

    test("gives everything of a long conversation, while it grows", async () => {
      const log = await bed.open();
      const given = messages("m", 300);
      for (let at = 0; at < given.length; at += 20) {
        await log.append(TALK, given.slice(at, at + 20));
        expect(idsOf(await log.read(TALK))).toEqual(idsOf(given.slice(0, at + 20)));
        expect(idsOf(await log.read(TALK, { limit: 7 }))).toEqual(idsOf(given.slice(at + 13, at + 20)));
      }
    });

    test("never shows a hole, half a batch, or less than before, whatever is written meanwhile", async () => {
      const log = await bed.open();
      const given = messages("m", 120);
      let isWriting = true;
      const writing = (async () => {
        for (let at = 0; at < given.length; at += 4) await log.append(TALK, given.slice(at, at + 4));
        isWriting = false;
      })();
      let seen = 0;
      while (isWriting) {
        const ids = idsOf(await log.read(TALK));
        expect(ids).toEqual(idsOf(given.slice(0, ids.length)));
        expect(ids.length % 4).toBe(0);
        expect(ids.length).toBeGreaterThanOrEqual(seen);
        seen = ids.length;
      }
      await writing;
      expect(idsOf(await log.read(TALK))).toEqual(idsOf(given));
    });

    test("refuses a range that is none", async () => {
      const log = await bed.open();
      for (const range of [{ limit: -1 }, { after: Number.NaN }, { before: 1.5 }]) {
        await expect(log.read(TALK, range)).rejects.toMatchObject({ code: "CONFIG" });
      }
    });

    test.runIf(bed.capabilities.shared)("sees what another log of the same place was told is stored, at once", async () => {
      const place = bed.newPlace();
      const [writer, reader] = [await bed.open(place), await bed.open(place)];
      const given = messages("m", 80);
      for (let at = 0; at < given.length; at += 8) {
        await writer.append(TALK, given.slice(at, at + 8));
        expect(idsOf(await reader.read(TALK))).toEqual(idsOf(given.slice(0, at + 8)));
      }
    });
  });
}
