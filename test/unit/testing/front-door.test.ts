/** What `langchain-strata/testing` gives: the contract of every seam, and what tests need beside them. */
import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as door from "../../../src/testing/index.ts";

/** Names that users write; one that is lost is a change of the public API. */
const NAMES = [
  "chaos",
  "corrupt",
  "delay",
  "describeBackupPart",
  "describeDocumentTable",
  "describeEviction",
  "describeKeyRing",
  "describeKeyStore",
  "describeMaintenanceTask",
  "describeMessageLog",
  "describeReranker",
  "describeScheduleLeases",
  "describeSimilarityPolicy",
  "describeSqlClient",
  "describeStrategy",
  "describeTier",
  "describeVectorIndex",
  "fail",
  "hang",
  "manualClock",
  "ok",
  "startDeepSeekStandIn",
];

describe("the front door of the testing kit", () => {
  test("exports these names and no other", () => {
    expect(Object.keys(door).toSorted()).toEqual(NAMES);
  });

  test("exports every contract that there is a suite of", () => {
    const suites = readdirSync("src/testing").filter((name) => name.startsWith("describe-"));
    expect(suites.length).toBeGreaterThan(10);
    expect(Object.keys(door).filter((name) => name.startsWith("describe"))).toHaveLength(suites.length);
  });
});
