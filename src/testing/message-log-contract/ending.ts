import { describe, expect, test } from "vitest";
import { idsOf, messages, TALK, type MessageLogBed } from "./bed.ts";

export function endingContract(bed: MessageLogBed): void {
  describe("ending", () => {
    test("refuses everything after close, which may be called twice", async () => {
      const log = await bed.open();
      await log.append(TALK, messages("a", 1));
      await Promise.all([log.close(), log.close()]);
      await log.close();
      await expect(log.append(TALK, messages("b", 1))).rejects.toMatchObject({ code: "CLOSED" });
      await expect(log.read(TALK)).rejects.toMatchObject({ code: "CLOSED" });
      await expect(log.clear(TALK)).rejects.toMatchObject({ code: "CLOSED" });
      await expect(log.forget("ana")).rejects.toMatchObject({ code: "CLOSED" });
      await expect(log.drain()).rejects.toMatchObject({ code: "CLOSED" });
    });

    test("can be closed before it was used", async () => {
      const log = await bed.open();
      await log.close();
    });

    test.runIf(bed.capabilities.shared)("keeps everything for who comes later, drained or not", async () => {
      const place = bed.newPlace();
      const first = await bed.open(place);
      await first.append(TALK, messages("a", 90));
      await first.drain();
      await first.append(TALK, messages("b", 2));
      await first.close();
      const second = await bed.open(place);
      expect(await second.read(TALK)).toHaveLength(92);
      const more = await second.append(TALK, messages("c", 1));
      expect(more.seqs[0]).toBeGreaterThan(92);
      await second.close();
      const third = await bed.open(place);
      expect(idsOf(await third.read(TALK, { limit: 4 }))).toEqual(["a 90", "b 1", "b 2", "c 1"]);
    });

    test.runIf(bed.capabilities.shared)("loses nothing that was acknowledged while it ended", async () => {
      const place = bed.newPlace();
      const first = await bed.open(place);
      await first.append(TALK, messages("start", 1));
      const appends = Array.from({ length: 10 }, (_, index) => first.append(TALK, messages(`m${index}`, 2)));
      const closing = first.close();
      const outcomes = await Promise.allSettled(appends);
      await closing;
      const second = await bed.open(place);
      const stored = new Set(idsOf(await second.read(TALK)));
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome.status === "fulfilled") expect([stored.has(`m${index} 1`), stored.has(`m${index} 2`)]).toEqual([true, true]);
        else expect(outcome.reason).toMatchObject({ code: "CLOSED" });
      }
    });
  });
}
