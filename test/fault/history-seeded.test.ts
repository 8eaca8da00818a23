/** The trials are worth what they catch: each of these bugs, seeded in the application's process, must be found. */
import { expect, test } from "vitest";
import { runTrials } from "../support/history-trials.ts";

test("entries that leave the stream before they are stored are found to be lost", { timeout: 120_000 }, async () => {
  const report = await runTrials({
    trials: 5,
    durability: "redis",
    seed: 3,
    victims: ["application"],
    bug: "ack-early",
    workers: false,
  });
  expect(report.lost).toBeGreaterThan(0);
});

test("messages that are sent again under other ids are found twice", { timeout: 120_000 }, async () => {
  // Some 8 are found in a trial, and none in one where no reply was on its way.
  const report = await runTrials({
    trials: 16,
    durability: "redis",
    seed: 4,
    victims: ["replies"],
    bug: "new-ids",
    workers: false,
  });
  expect(report.duplicated).toBeGreaterThan(0);
});

test("numbers that begin anew after a loss of data are found to be given twice", { timeout: 120_000 }, async () => {
  const report = await runTrials({
    trials: 4,
    durability: "redis",
    seed: 5,
    victims: ["flush"],
    bug: "no-epoch",
    workers: false,
  });
  expect(report.renumbered).toBeGreaterThan(0);
});

test("without that bug no number is given twice, though what only Redis had is lost with it", { timeout: 120_000 }, async () => {
  const report = await runTrials({ trials: 4, durability: "redis", seed: 5, victims: ["flush"], workers: false });
  expect(report).toMatchObject({ duplicated: 0, foreign: 0, renumbered: 0, divided: 0 });
});
