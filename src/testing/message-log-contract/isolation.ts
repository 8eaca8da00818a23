import { describe, expect, test } from "vitest";
import type { Conversation } from "../../history/message-log.ts";
import { idsOf, message, type MessageLogBed } from "./bed.ts";

/** Names that mean something to a store, and pairs that a careless join would take for each other. */
const NAMES = [
  "a",
  "b",
  "ab",
  "a:b",
  "b:b",
  "",
  "*",
  "?",
  "[a-z]",
  "{a}",
  "a_",
  "a%",
  "\\",
  "'; --",
  '" || 1',
  "\r\n",
  "__proto__",
  "漢",
  "A",
];

export function isolationContract(bed: MessageLogBed): void {
  describe("conversations", () => {
    test("never see each other's messages, whatever their names", async () => {
      const log = await bed.open();
      const talks: Conversation[] = [];
      for (const ownerId of NAMES) {
        for (const sessionId of NAMES) if (sessionId !== "") talks.push({ ownerId, sessionId });
      }
      // Every one of them has the same id in it.
      await Promise.all(
        talks.map((talk) => log.append(talk, [message("m", { text: JSON.stringify([talk.ownerId, talk.sessionId]) })])),
      );
      await log.drain();
      for (const talk of talks) {
        const [only, ...others] = await log.read(talk);
        expect(others).toEqual([]);
        expect(JSON.parse(only?.text ?? "null")).toEqual([talk.ownerId, talk.sessionId]);
      }
    });

    test("are numbered apart", async () => {
      const log = await bed.open();
      const one = await log.append({ ownerId: "o", sessionId: "1" }, [message("m")]);
      const other = await log.append({ ownerId: "o", sessionId: "2" }, [message("m")]);
      expect([one.seqs, other.seqs]).toEqual([[1], [1]]);
    });

    test("may have names of 1,024 characters, which differ in the last", async () => {
      const log = await bed.open();
      const long = "é🙂".repeat(341);
      const talks = ["x", "y"].map((end) => ({ ownerId: long + end, sessionId: long + end }));
      for (const [index, talk] of talks.entries()) await log.append(talk, [message(`m ${index}`)]);
      await log.drain();
      expect(idsOf(await log.read(talks[0] as Conversation))).toEqual(["m 0"]);
      expect(idsOf(await log.read(talks[1] as Conversation))).toEqual(["m 1"]);
    });

    test.each([
      { ownerId: "o", sessionId: "" },
      { ownerId: "o", sessionId: "a\0b" },
      { ownerId: "o", sessionId: "\ud800" },
      { ownerId: "o\0", sessionId: "s" },
      { ownerId: "o", sessionId: "s".repeat(1_025) },
      { ownerId: undefined, sessionId: "s" },
      { ownerId: "o", sessionId: 7 },
    ])("are refused under the name %o", async (bad) => {
      const log = await bed.open();
      const talk = bad as Conversation;
      await expect(log.append(talk, [message("m")])).rejects.toMatchObject({ code: "CONFIG" });
      await expect(log.read(talk)).rejects.toMatchObject({ code: "CONFIG" });
      await expect(log.clear(talk)).rejects.toMatchObject({ code: "CONFIG" });
    });
  });
}
