/** Parts of a history under load are killed; nothing that was acknowledged may be lost, doubled, moved or mixed up. */
import { expect, test } from "vitest";
import { runTrials } from "../support/history-trials.ts";

const WHOLE = { lost: 0, duplicated: 0, reordered: 0, foreign: 0, renumbered: 0, divided: 0 };

test("keeps everything with durability redis, whatever is killed", { timeout: 240_000 }, async () => {
  const report = await runTrials({
    trials: 26,
    durability: "redis",
    seed: 7,
    victims: ["application", "writer", "redis", "postgres", "replies"],
  });
  expect(report).toMatchObject(WHOLE);
  expect(report.acknowledged).toBeGreaterThan(200);
  expect(Object.keys(report.killed)).toHaveLength(5);
});

test(
  "keeps everything with durability postgres, whatever is killed, also when Redis loses its data",
  { timeout: 240_000 },
  async () => {
    const report = await runTrials({
      trials: 16,
      durability: "postgres",
      seed: 8,
      victims: ["application", "redis", "postgres", "flush", "replies"],
    });
    expect(report).toMatchObject(WHOLE);
    expect(report.acknowledged).toBeGreaterThan(100);
  },
);
