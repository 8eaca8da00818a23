import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { checkFolder } from "../../../src/cli/doctor/check-folder.ts";
import { checkNode } from "../../../src/cli/doctor/check-node.ts";
import { accepts, checkPackage, type PackageFacts } from "../../../src/cli/doctor/check-packages.ts";
import { mkdtempSync, chmodSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

describe("the doctor's look at packages", () => {
  const facts: PackageFacts = {
    ...{ name: "pg", purpose: "PostgreSQL", accepted: "^8.11.0", isNeeded: false, version: "8.23.1" },
    load: () => Promise.resolve({}),
  };

  test("finds one that is there, absent, needed, too old, or does not load", async () => {
    expect(await checkPackage(facts)).toMatchObject({ state: "ok", detail: "8.23.1" });
    expect(await checkPackage({ ...facts, version: undefined })).toMatchObject({ state: "absent" });
    expect(await checkPackage({ ...facts, version: undefined, isNeeded: true })).toMatchObject({
      ...{ state: "broken", advice: 'npm install "pg@^8.11.0"' },
    });
    expect(await checkPackage({ ...facts, version: "8.3.0" })).toMatchObject({
      ...{ state: "broken", detail: "8.3.0; needed: ^8.11.0", advice: 'npm install "pg@^8.11.0"' },
    });
    const load = (): Promise<never> => Promise.reject(new Error("no binary"));
    expect(await checkPackage({ ...facts, load })).toMatchObject({
      state: "broken",
      detail: expect.stringContaining("no binary") as string,
    });
  });

  test.each([
    ["^1.2.3", ["1.2.3", "1.2.10", "1.10.0"], ["1.2.2", "1.1.9", "2.0.0", "0.2.3"]],
    ["^0.2.3", ["0.2.3", "0.2.9"], ["0.2.2", "0.3.0", "1.0.0"]],
    ["^0.0.15", ["0.0.15"], ["0.0.14", "0.0.16", "0.1.0"]],
    ["^5.3.0 || ^6.0.0", ["5.4.1", "6.0.0"], ["5.2.9", "7.0.0"]],
    ["", ["0.0.1", "9.9.9"], []],
  ])("reads the range %j", (range, accepted, refused) => {
    expect(accepted.filter((version) => !accepts(range, version))).toEqual([]);
    expect(refused.filter((version) => accepts(range, version))).toEqual([]);
  });

  test("can read every range in this package's manifest", () => {
    const { peerDependencies } = JSON.parse(readFileSync("package.json", "utf8")) as { peerDependencies: Record<string, string> };
    for (const range of Object.values(peerDependencies)) {
      const least = range.split("||").at(-1)?.trim().slice(1) ?? "";
      expect(accepts(range, least), range).toBe(true);
    }
  });
});

test("the doctor finds a Node that is too old", () => {
  expect(checkNode("20.19.0").state).toBe("ok");
  expect(checkNode("22.1.0").state).toBe("ok");
  expect(checkNode("20.18.3")).toMatchObject({ state: "broken", advice: expect.stringContaining("20.19") as string });
  expect(checkNode("18.20.0").state).toBe("broken");
});

test("the doctor finds a data folder that others may look into, and one that is too small", () => {
  const folder = mkdtempSync(join(tmpdir(), "strata-doctor-test-"));
  try {
    expect(checkFolder(folder, "1mb").map(({ state }) => state)).toEqual(["ok", "ok"]);
    expect(checkFolder(join(folder, "later"), undefined)[0]).toMatchObject({ state: "ok" });
    chmodSync(folder, 0o755);
    expect(checkFolder(folder, "900000gb")).toMatchObject([
      { state: "warn", advice: `chmod 700 ${folder}` },
      { state: "warn", advice: expect.stringContaining("maxBytes") as string },
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
