import { describe, expect, test } from "vitest";
import { areGrowing, idsOf, message, messages, TALK, type MessageLogBed } from "./bed.ts";

const OTHER = { ownerId: TALK.ownerId, sessionId: "other" };
const STRANGER = { ownerId: "someone else", sessionId: TALK.sessionId };

export function removalContract(bed: MessageLogBed): void {
  describe("clearing", () => {
    test.each([["before", false] as const, ["after", true] as const])(
      "removes every message of the conversation, %s they are where they stay, and of no other",
      async (_when, drained) => {
        const log = await bed.open();
        await log.append(TALK, messages("a", 70));
        await log.append(OTHER, messages("b", 2));
        await log.append(STRANGER, messages("c", 2));
        if (drained) await log.drain();
        expect(await log.clear(TALK)).toBe(70);
        expect(await log.read(TALK)).toEqual([]);
        // What was on its way has arrived now.
        await log.drain();
        expect(await log.read(TALK)).toEqual([]);
        expect(idsOf(await log.read(OTHER))).toEqual(["b 1", "b 2"]);
        expect(idsOf(await log.read(STRANGER))).toEqual(["c 1", "c 2"]);
        expect(await log.clear(TALK)).toBe(0);
      },
    );

    test("removes nothing of a conversation that nobody began", async () => {
      const log = await bed.open();
      expect(await log.clear(TALK)).toBe(0);
    });

    test("gives no number twice, and takes a removed id as a new one", async () => {
      const log = await bed.open();
      const before = await log.append(TALK, messages("a", 3));
      await log.clear(TALK);
      const after = await log.append(TALK, [message("a 2", { text: "new" }), message("z")]);
      expect(after.added).toBe(2);
      expect(areGrowing([...before.seqs, ...after.seqs])).toBe(true);
      const first = await log.read(TALK);
      expect(idsOf(first)).toEqual(["a 2", "z"]);
      expect(first[0]?.text).toBe("new");
      await log.drain();
      expect(await log.read(TALK)).toEqual(first);
    });

    test("leaves of messages that are appended at the same time all or none of a batch", async () => {
      const log = await bed.open();
      await log.append(TALK, messages("a", 5));
      await Promise.all([log.append(TALK, messages("b", 4)), log.clear(TALK), log.append(TALK, messages("c", 4))]);
      const left = idsOf(await log.read(TALK));
      await log.drain();
      expect(idsOf(await log.read(TALK))).toEqual(left);
      expect(left.filter((id) => id.startsWith("a"))).toEqual([]);
      for (const name of ["b", "c"]) expect([0, 4]).toContain(left.filter((id) => id.startsWith(name)).length);
    });
  });

  describe("forgetting", () => {
    test("removes everything of one owner, before and after it is where it stays, and of no other", async () => {
      const log = await bed.open();
      await log.append(TALK, messages("a", 60));
      await log.drain();
      await log.append(TALK, messages("b", 3));
      await log.append(OTHER, messages("c", 2), { notes: { metadata: { secret: "x" } } });
      await log.append(STRANGER, messages("d", 2));
      expect(await log.forget(TALK.ownerId)).toBe(65);
      await log.drain();
      expect(await log.read(TALK)).toEqual([]);
      expect(await log.read(OTHER)).toEqual([]);
      expect(idsOf(await log.read(STRANGER))).toEqual(["d 1", "d 2"]);
      expect(await log.forget(TALK.ownerId)).toBe(0);
    });

    test("does not keep the owner from beginning again", async () => {
      const log = await bed.open();
      await log.append(TALK, messages("a", 3));
      await log.forget(TALK.ownerId);
      const { added } = await log.append(TALK, messages("a", 2));
      expect(added).toBe(2);
      await log.drain();
      expect(idsOf(await log.read(TALK))).toEqual(["a 1", "a 2"]);
    });

    test("refuses an owner that is none", async () => {
      const log = await bed.open();
      await expect(log.forget("a\0")).rejects.toMatchObject({ code: "CONFIG" });
      await expect(log.forget(undefined as never)).rejects.toMatchObject({ code: "CONFIG" });
    });
  });
}
