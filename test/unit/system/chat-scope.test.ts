/** One owner's name in two tenants is two people: neither is told what the other said, by history, recall or the command line. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createStrata } from "../../../src/create-strata.ts";
import { scopedOwner } from "../../../src/history/scoped-owner.ts";
import type { ChatOptions } from "../../../src/system/chat/chat-options.ts";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { runCommand } from "../../../src/cli/run-command.ts";
import { recordedTerminal } from "../../support/recorded-terminal.ts";
import { ScriptedModel } from "../../support/scripted-model.ts";

const TOLD = "Please remember that my door code is 7788.";
const ASKED = "What is my door code?";
const ACME = { tenant: "acme" };

test("conversations and memory stay within the scope, and are found again in it", { timeout: 60_000 }, async () => {
  const data = mkdtempSync(join(tmpdir(), "strata-chat-"));
  const model = new ScriptedModel({ model: "scripted", reply: () => "yes" });
  const strata = await createStrata({ data, model });
  onTestFinished(async () => {
    await strata.close();
    rmSync(data, { recursive: true, force: true });
  });
  const shown = async (options: ChatOptions): Promise<string> => {
    await strata.chat(ASKED, { ownerId: "1", useCache: false, ...options });
    return JSON.stringify(model.calls.at(-1)?.messages);
  };
  await strata.chat(TOLD, { ownerId: "1", sessionId: "s", scope: ACME });

  for (const scope of [{ tenant: "globex" }, { feature: "acme" }, { tenant: "acme", feature: "help" }, undefined]) {
    expect(await shown({ sessionId: "s", scope })).not.toContain("7788");
    expect(await shown({ sessionId: "another", scope })).not.toContain("7788");
    for await (const _ of strata.stream(ASKED, { ownerId: "1", sessionId: "s", scope, useCache: false }));
    expect(JSON.stringify(model.calls.at(-1)?.messages)).not.toContain("7788");
  }
  // The owner of the scope is told, in the session and by recall.
  expect(await shown({ sessionId: "s", scope: ACME })).toContain("7788");
  expect(await shown({ sessionId: "another", scope: ACME })).toContain("7788");

  // Who chooses a name cannot choose another tenant's.
  await expect(strata.chat(ASKED, { ownerId: scopedOwner("1", ACME) })).rejects.toThrow("chat.ownerId");

  await strata.close();
  const recalled = async (...args: string[]): Promise<string> => {
    const terminal = recordedTerminal();
    expect(await runCommand(["recall", "door code", "--data", data, "--owner", "1", "--json", ...args], COMMANDS, terminal)).toBe(
      0,
    );
    return terminal.outs.join("\n");
  };
  expect(await recalled("--tenant", "acme")).toContain("7788");
  expect(await recalled("--tenant", "globex")).not.toContain("7788");
  expect(await recalled()).not.toContain("7788");
});
