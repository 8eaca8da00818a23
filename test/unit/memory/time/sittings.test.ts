import { expect, test } from "vitest";
import { sittingsOf, sittingStretch } from "../../../../src/memory/time/sittings.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const GAP = 6 * HOUR;

function turns(...list: readonly [sessionId: string, createdAt: number][]): { sessionId: string; createdAt: number }[] {
  return list.map(([sessionId, createdAt]) => ({ sessionId, createdAt }));
}

test("a long pause begins a new sitting, within a session and between sessions", () => {
  const sittings = sittingsOf(turns(["a", 0], ["a", HOUR], ["a", 8 * HOUR], ["b", 20 * HOUR]), GAP);
  expect(sittings).toEqual([
    { from: 0, to: HOUR },
    { from: 8 * HOUR, to: 8 * HOUR },
    { from: 20 * HOUR, to: 20 * HOUR },
  ]);
});

test("a new session after a pause is a new sitting; two windows side by side are one", () => {
  expect(sittingsOf(turns(["a", 0], ["b", HOUR]), GAP)).toHaveLength(2);
  expect(sittingsOf(turns(["a", 0], ["b", MINUTE], ["a", 2 * MINUTE], ["b", 3 * MINUTE]), GAP)).toHaveLength(1);
});

test("the one that is going on is not a finished one", () => {
  const sittings = sittingsOf(turns(["a", 0], ["b", 10 * HOUR]), GAP);
  const last = { from: 1, to: 1, counted: "from-end" } as const;
  const now = 10 * HOUR + MINUTE;
  expect(sittingStretch(sittings, last, { now, gapMs: GAP, inSession: true })).toEqual({ from: 0, to: 1 });
  expect(sittingStretch(sittings, last, { now, gapMs: GAP, inSession: false })).toEqual({ from: 10 * HOUR, to: 10 * HOUR + 1 });
  expect(sittingStretch(sittings, last, { now: now + 7 * HOUR, gapMs: GAP, inSession: true })).toMatchObject({ from: 10 * HOUR });
});

test("what is not there is not given", () => {
  expect(sittingStretch([], { from: 1, to: 1, counted: "from-start" }, { now: 0, gapMs: GAP })).toBeUndefined();
  expect(
    sittingStretch(sittingsOf(turns(["a", 0]), GAP), { from: 2, to: 2, counted: "from-end" }, { now: GAP * 2, gapMs: GAP }),
  ).toBeUndefined();
});
