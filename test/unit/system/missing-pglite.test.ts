/** Who installs this package alone has no PGlite. What needs it says so; what does not need it works. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { createStrata } from "../../../src/create-strata.ts";
import type { StrataEvent } from "../../../src/core/events.ts";
import type { Strata } from "../../../src/system/strata.ts";
import { ScriptedModel } from "../../support/scripted-model.ts";

vi.mock("@electric-sql/pglite", () => {
  throw new Error("Cannot find package '@electric-sql/pglite'");
});

const INSTALL = {
  code: "MISSING_PEER",
  message: expect.stringContaining("npm install @electric-sql/pglite @electric-sql/pglite-pgvector"),
};

async function bed(): Promise<{ readonly strata: Strata; readonly model: ScriptedModel; readonly faults: StrataEvent[] }> {
  const data = mkdtempSync(join(tmpdir(), "strata-no-pglite-"));
  const model = new ScriptedModel({ model: "scripted", reply: () => ({ content: "Yes." }) });
  const faults: StrataEvent[] = [];
  const observer = (event: StrataEvent): void => void (event.type === "history.fault" && faults.push(event));
  const strata = await createStrata({ data, model, observer });
  onTestFinished(async () => {
    await strata.close();
    rmSync(data, { recursive: true, force: true });
  });
  return { strata, model, faults };
}

test("a conversation that cannot be kept is an error that says what to install, before the model is paid", async () => {
  const { strata, model } = await bed();
  await expect(strata.chat("Are you open?", { ownerId: "ana", sessionId: "1" })).rejects.toMatchObject(INSTALL);
  await expect(strata.stream("Are you open?", { ownerId: "ana", sessionId: "1" }).next()).rejects.toMatchObject(INSTALL);
  expect(model.calls).toHaveLength(0);
});

test("so is a memory that was asked for", async () => {
  const { strata } = await bed();
  await expect(strata.chat("Are you open?", { ownerId: "ana", useMemory: true })).rejects.toMatchObject(INSTALL);
});

test("an owner alone is answered without a memory, and the result and an event tell", async () => {
  const { strata, faults } = await bed();
  expect(await strata.chat("Are you open?", { ownerId: "ana" })).toMatchObject({ text: "Yes.", degraded: ["recall"] });
  expect(await strata.chat("Are you open?")).not.toHaveProperty("degraded");
  expect(faults).toContainEqual(expect.objectContaining({ operation: "recall", code: "MISSING_PEER" }));
});
