/** Somebody is forgotten during flush and kill -9; then the raw bytes of every store, and of a backup made afterwards, are searched. */
import { expect, test } from "vitest";
import { runForgetTrials } from "../support/forget-trials.ts";

const none = (places: object): object => Object.fromEntries(Object.keys(places).map((place) => [place, 0]));

test("nothing is left of who was forgotten, and everything of who was not", { timeout: 240_000 }, async () => {
  const report = await runForgetTrials({ trials: 2, seed: 5, killWithinMs: 400 });
  expect(report.killedBefore, "kills before the forgetting had ended").toBeGreaterThan(0);
  // Gone for whoever asks, at once.
  expect(report.logical.gone).toEqual(none(report.logical.gone));
  // Still in the files, so the looking finds what is there; and in none after what the runbook says.
  expect(report.filesBefore.gone["PostgreSQL"]).toBeGreaterThan(0);
  expect(report.filesBefore.gone["the folder of the cache"]).toBeGreaterThan(0);
  expect(report.filesAfter.gone).toEqual(none(report.filesAfter.gone));
  expect(report.lost).toEqual([]);
  for (const [place, count] of Object.entries({ ...report.logical.stays, ...report.filesBefore.stays })) {
    expect(count, place).toBeGreaterThan(0);
  }
});
