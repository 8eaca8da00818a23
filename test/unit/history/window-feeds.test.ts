import { expect, test } from "vitest";
import { manualClock } from "../../../src/core/clock.ts";
import { WindowFeeds } from "../../../src/history/redis/window-feeds.ts";
import type { Committed, RedisWindows } from "../../../src/history/redis/windows.ts";

const KEY = "k".repeat(43);

function bed() {
  const calls: string[] = [];
  const clock = manualClock();
  let isAway = false;
  const windows: Pick<RedisWindows, "trustMs" | "doubt" | "feed"> = {
    trustMs: 250,
    async doubt() {
      calls.push("doubt");
      if (isAway) throw new Error("away");
      return "";
    },
    async feed(_, { messages }, doubt) {
      calls.push(`feed ${messages.map(({ id }) => id).join()}${doubt?.isHeld === true ? ", held" : ""}`);
      return true;
    },
  };
  const feeds = new WindowFeeds({ windows: windows as RedisWindows, clock, onMissed: () => undefined });
  return { calls, clock, feeds, leave: () => void (isAway = true) };
}

function part(seq: number): Committed {
  const message = { id: `m${seq}`, role: "human", createdAt: 0, text: "", payload: "{}", seq };
  return { base: seq - 1, last: seq, messages: [message] };
}

test("appends that follow each other share the note and the feed, which ends it", async () => {
  const { calls, clock, feeds } = bed();
  for (let seq = 1; seq <= 3; seq++) {
    const doubt = await feeds.doubt(KEY);
    expect(doubt.isTrusted()).toBe(true);
    doubt.committed(part(seq));
    await clock.advance(5);
  }
  expect(calls).toEqual(["doubt"]);
  await clock.advance(25);
  expect(calls).toEqual(["doubt", "feed m1,m2,m3"]);
  (await feeds.doubt(KEY)).committed(part(4));
  expect(calls.at(-1)).toBe("doubt");
});

test("a note is made anew after a moment, and held while an append is under way", async () => {
  const { calls, clock, feeds } = bed();
  const first = await feeds.doubt(KEY);
  await clock.advance(26);
  const second = await feeds.doubt(KEY);
  expect(calls).toEqual(["doubt", "doubt"]);
  first.committed(part(1));
  await clock.advance(26);
  expect(calls.at(-1)).toBe("feed m1, held");
  second.committed(part(2));
  await clock.advance(26);
  expect(calls.at(-1)).toBe("feed m2");
});

test("an append that shares a note is not trusted for longer than the note is", async () => {
  const { clock, feeds } = bed();
  const first = await feeds.doubt(KEY);
  await clock.advance(20);
  const second = await feeds.doubt(KEY);
  await clock.advance(230);
  expect([first.isTrusted(), second.isTrusted()]).toEqual([true, true]);
  await clock.advance(1);
  expect([first.isTrusted(), second.isTrusted()]).toEqual([false, false]);
});

test("who shares a note that fails is told so too", async () => {
  const { calls, feeds, leave } = bed();
  leave();
  const outcomes = await Promise.allSettled([feeds.doubt(KEY), feeds.doubt(KEY)]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(calls).toEqual(["doubt"]);
  await expect(feeds.doubt(KEY)).rejects.toThrow("away");
  expect(calls).toEqual(["doubt", "doubt"]);
});
