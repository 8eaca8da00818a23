import { describe, expect, test } from "vitest";
import type { LogMessage, MessageLog } from "../../history/message-log.ts";
import { areGrowing, bare, idsOf, message, messages, TALK, type MessageLogBed } from "./bed.ts";

export function appendingContract(bed: MessageLogBed): void {
  describe("appending", () => {
    test("numbers messages from 1, in the order in which they were given", async () => {
      const log = await bed.open();
      expect(await log.append(TALK, messages("a", 2))).toEqual({ seqs: [1, 2], added: 2 });
      const more = await log.append(TALK, messages("b", 3));
      expect(more.added).toBe(3);
      expect(areGrowing([2, ...more.seqs])).toBe(true);
      const stored = await log.read(TALK);
      expect(idsOf(stored)).toEqual(["a 1", "a 2", "b 1", "b 2", "b 3"]);
      expect(stored.map(({ seq }) => seq)).toEqual([1, 2, ...more.seqs]);
    });

    test("takes no message for an answer", async () => {
      const log = await bed.open();
      expect(await log.append(TALK, [])).toEqual({ seqs: [], added: 0 });
      expect(await log.read(TALK)).toEqual([]);
    });

    test.each<readonly [what: string, change: Partial<LogMessage>]>([
      [
        "a message of every language",
        { text: "é ß 漢字 🙂 العربية", payload: JSON.stringify({ content: "é ß 漢字 🙂 العربية" }) },
      ],
      ["a speaker", { name: "Zoë" }],
      ["a speaker without a name", { name: "" }],
      ["no text", { text: "", payload: "{}" }],
      ["NUL and a lone surrogate, escaped", { payload: JSON.stringify({ content: "a\0b\ud800c" }) }],
      [
        "what looks like an escape",
        { text: "\\u0000 \\x00 \\\\ %s $1 ''", payload: JSON.stringify({ content: "\\u0000 \\\\" }) },
      ],
      ["line breaks and control characters", { text: "a\r\n\t\u0001b\u2028", payload: '{ "spaced" :\n[ 1.0 ] }' }],
      ["numbers that JSON readers round", { payload: '{"big":12345678901234567890,"small":1e-400,"z":-0}' }],
      ["keys that come twice, and in no order", { payload: '{"b":1,"a":2,"b":3}' }],
      ["a time before 1970", { createdAt: -1 }],
      ["the end of time", { createdAt: 253_402_300_799_999 }],
      ["300 KB", { text: "word ".repeat(60_000), payload: JSON.stringify({ content: "word ".repeat(60_000) }) }],
      ["one word of 300 KB", { text: "w".repeat(300_000), payload: JSON.stringify("w".repeat(300_000)) }],
      ["an id of 256 characters", { id: "漢".repeat(256) }],
      ["an id that looks like a number", { id: "0" }],
    ])("gives back unchanged: %s", async (_what, change) => {
      const log = await bed.open();
      const given = message("m", change);
      await log.append(TALK, [given]);
      expect(bare(await log.read(TALK))).toEqual([given]);
      await log.drain();
      expect(bare(await log.read(TALK))).toEqual([given]);
    });

    test("makes texts that only describe the message well-formed", async () => {
      const log = await bed.open();
      const payload = JSON.stringify({ content: "a\0b\ud800" });
      await log.append(TALK, [message("m", { text: "a\0b\ud800", name: "n\0", role: "r\udc00", payload })]);
      const expected = { text: "a\u{fffd}b\u{fffd}", name: "n\u{fffd}", role: "r\u{fffd}", payload };
      expect(await log.read(TALK)).toMatchObject([expected]);
      await log.drain();
      expect(await log.read(TALK)).toMatchObject([expected]);
    });

    test.each<readonly [what: string, change: Partial<Record<keyof LogMessage, unknown>>]>([
      ["an empty id", { id: "" }],
      ["an id of 257 characters", { id: "x".repeat(257) }],
      ["NUL in an id", { id: "a\0b" }],
      ["a lone surrogate in an id", { id: "a\ud800" }],
      ["an id that is no text", { id: 7 }],
      ["NUL in the payload", { payload: '"\0"' }],
      ["a lone surrogate in the payload", { payload: '"\udfff"' }],
      ["no payload", { payload: undefined }],
      ["no role", { role: "" }],
      ["a time that is no number", { createdAt: Number.NaN }],
      ["a fraction of a millisecond", { createdAt: 1.5 }],
      ["a time beyond all years", { createdAt: 1e15 }],
    ])("refuses the whole batch for: %s", async (_what, change) => {
      const log = await bed.open();
      const bad = { ...message("bad"), ...change } as LogMessage;
      await expect(log.append(TALK, [message("good"), bad])).rejects.toMatchObject({ code: "UNSTORABLE" });
      expect(await log.read(TALK)).toEqual([]);
    });

    test("refuses notes that cannot be stored, with the messages", async () => {
      const log = await bed.open();
      for (const notes of [{ feature: "" }, { feature: "a\0" }, { metadata: { at: new Date(0) } }, { metadata: { a: "\0" } }]) {
        await expect(log.append(TALK, [message("m")], { notes })).rejects.toMatchObject({ code: "UNSTORABLE" });
      }
      await log.append(TALK, [message("n")], { notes: { feature: "chat", metadata: { topic: "é", tags: ["a"] } } });
      expect(idsOf(await log.read(TALK))).toEqual(["n"]);
    });

    test("keeps no hold of what it was given, nor the caller of what it keeps", async () => {
      const log = await bed.open();
      const given = { ...message("m"), text: "before" };
      await log.append(TALK, [given]);
      given.text = "after";
      const [read] = await log.read(TALK);
      expect(read?.text).toBe("before");
      (read as { text: string }).text = "changed";
      expect((await log.read(TALK))[0]?.text).toBe("before");
    });

    test("does nothing when the signal has aborted before", async () => {
      const log = await bed.open();
      const reason = new Error("The caller left.");
      const signal = AbortSignal.abort(reason);
      await expect(log.append(TALK, messages("a", 1), { signal })).rejects.toBe(reason);
      await expect(log.read(TALK, { signal })).rejects.toBe(reason);
      await expect(log.clear(TALK, { signal })).rejects.toBe(reason);
      await expect(log.forget(TALK.ownerId, { signal })).rejects.toBe(reason);
      expect(await log.read(TALK)).toEqual([]);
    });
  });

  describe("an id that is there already", () => {
    test("keeps its place, its number and what it holds", async () => {
      const log = await bed.open();
      const { seqs } = await log.append(TALK, messages("a", 3));
      const again = await log.append(TALK, [message("a 2", { text: "other" }), message("new"), message("a 1")]);
      expect(again.added).toBe(1);
      expect([again.seqs[0], again.seqs[2]]).toEqual([seqs[1], seqs[0]]);
      const stored = await log.read(TALK);
      expect(idsOf(stored)).toEqual(["a 1", "a 2", "a 3", "new"]);
      expect(stored[1]?.text).toBe("text of a 2");
      expect(stored[3]?.seq).toBe(again.seqs[1]);
    });

    test("may come twice in one batch", async () => {
      const log = await bed.open();
      const twice = [message("x", { text: "first" }), message("y"), message("x", { text: "second" })];
      const { seqs, added } = await log.append(TALK, twice);
      expect(added).toBe(2);
      expect(seqs[2]).toBe(seqs[0]);
      const stored = await log.read(TALK);
      expect(idsOf(stored)).toEqual(["x", "y"]);
      expect(stored[0]?.text).toBe("first");
    });

    test("is known after a drain, and after many others", async () => {
      const log = await bed.open();
      const first = await log.append(TALK, messages("a", 2));
      await log.append(TALK, messages("b", 120));
      await log.drain();
      const again = await log.append(TALK, messages("a", 2));
      expect(again).toEqual({ seqs: first.seqs, added: 0 });
      await log.drain();
      expect(await log.read(TALK)).toHaveLength(122);
    });

    test("is stored once when it is appended by many at a time", async () => {
      const log = await bed.open();
      const results = await Promise.all(Array.from({ length: 12 }, () => log.append(TALK, messages("a", 3))));
      await log.drain();
      expect(results.map(({ added }) => added).toSorted((a, b) => b - a)).toEqual([3, ...Array.from({ length: 11 }, () => 0)]);
      expect(new Set(results.map(({ seqs }) => seqs.join())).size).toBe(1);
      expect(idsOf(await log.read(TALK))).toEqual(["a 1", "a 2", "a 3"]);
    });
  });

  describe("many writers", () => {
    test("keep every batch whole and every writer's order", async () => {
      const log = await bed.open();
      await writersAtOnce([log], 32, 4, 3);
    });

    test.runIf(bed.capabilities.shared)("of two logs too, and both read the same", async () => {
      const place = bed.newPlace();
      const logs = [await bed.open(place), await bed.open(place)];
      const [one, other] = await writersAtOnce(logs, 32, 4, 3);
      expect(one).toEqual(other);
    });
  });
}

/** Each of many writers appends some batches, one after another; gives what each log reads in the end. */
async function writersAtOnce(logs: readonly MessageLog[], writers: number, batches: number, size: number): Promise<string[][]> {
  const write = async (writer: number): Promise<void> => {
    const log = logs[writer % logs.length] as MessageLog;
    for (let batch = 0; batch < batches; batch++) await log.append(TALK, messages(`${writer}/${batch}`, size));
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  const views: string[][] = [];
  for (const log of logs) {
    const stored = await log.read(TALK);
    expect(areGrowing(stored.map(({ seq }) => seq))).toBe(true);
    const ids = idsOf(stored);
    expect(ids).toHaveLength(writers * batches * size);
    const whole: string[] = [];
    for (let at = 0; at < ids.length; at += size) {
      const batch = ids[at]?.slice(0, -2) ?? "";
      expect(ids.slice(at, at + size)).toEqual(idsOf(messages(batch, size)));
      whole.push(batch);
    }
    for (let writer = 0; writer < writers; writer++) {
      const own = whole.filter((batch) => batch.startsWith(`${writer}/`));
      expect(own).toEqual(Array.from({ length: batches }, (_, batch) => `${writer}/${batch}`));
    }
    views.push(ids);
  }
  return views;
}
