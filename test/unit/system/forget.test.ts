/** Who is forgotten is gone from every place of a system, and nobody else is; by the library and by the command line, on a real disk. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { runCommand } from "../../../src/cli/run-command.ts";
import type { Scope } from "../../../src/core/scope.ts";
import { createStrata } from "../../../src/create-strata.ts";
import { scopedOwner } from "../../../src/history/scoped-owner.ts";
import type { Strata } from "../../../src/system/strata.ts";
import { recordedTerminal } from "../../support/recorded-terminal.ts";
import { ScriptedModel } from "../../support/scripted-model.ts";

const PEOPLE: readonly { readonly ownerId: string; readonly tenant?: string }[] = [
  { ownerId: "1" },
  { ownerId: "2" },
  { ownerId: "1", tenant: "acme" },
  { ownerId: "2", tenant: "acme" },
  { ownerId: "1", tenant: "globex" },
];
const QUESTION = "Is my door code kept?";

/** A system that is filled once, with its backup, and copied for each test. */
const made = mkdtempSync(join(tmpdir(), "strata-forget-"));
const [filled, before] = [join(made, "filled"), join(made, "before.backup")];

beforeAll(async () => {
  await opened(filled, async (strata) => {
    await fill(strata);
    await strata.backup(before);
  });
}, 120_000);

afterAll(() => rmSync(made, { recursive: true, force: true }));

function folder(from?: string): string {
  const data = mkdtempSync(join(tmpdir(), "strata-forget-"));
  onTestFinished(() => rmSync(data, { recursive: true, force: true }));
  if (from !== undefined) cpSync(from, data, { recursive: true });
  return data;
}

async function opened<T>(data: string, use: (strata: Strata) => Promise<T>): Promise<T> {
  const model = new ScriptedModel({ model: "scripted", reply: () => "yes" });
  const strata = await createStrata({ data, model });
  try {
    return await use(strata);
  } finally {
    await strata.close();
  }
}

function nameOf({ ownerId, tenant }: (typeof PEOPLE)[number]): string {
  return tenant === undefined ? ownerId : `${tenant}/${ownerId}`;
}

/** An answer in the cache, a conversation and a document of each; and a document of each tenant. */
async function fill(strata: Strata): Promise<void> {
  for (const person of PEOPLE) {
    const { ownerId, tenant } = person;
    const scope = tenant === undefined ? undefined : { tenant };
    await strata.chat(QUESTION, { ownerId, scope, useMemory: false });
    await strata.chat("My door code is 7788.", { ownerId, scope, sessionId: "s", useCache: false });
    await strata.addContext(`A note of ${nameOf(person)}.`, { id: "note", scope: { ...scope, user: ownerId } });
  }
  for (const tenant of ["acme", "globex"]) await strata.addContext("A handbook.", { id: "book", scope: { tenant } });
}

/** Whose data is still there, by place. Asks nothing that would be stored. */
async function left(strata: Strata): Promise<Record<string, readonly string[]>> {
  const { conversations } = await strata.conversations.conversations({ owners: "all" });
  const kept = new Set(conversations.map((one) => one.ownerId));
  const has: Record<string, string[]> = { answers: [], documents: [], conversations: [] };
  const list = async (scope: Scope): Promise<number> => (await strata.documents.list({ scope })).length;
  // Those of a tenant first: what is cleared of a user is cleared in all tenants.
  for (const person of PEOPLE.toSorted((a, b) => (b.tenant ?? "").localeCompare(a.tenant ?? ""))) {
    const { ownerId, tenant } = person;
    const scope = tenant === undefined ? undefined : { tenant };
    const answers = await strata.cache.clear({ scope: { ...scope, user: ownerId } });
    if (answers > 0) has["answers"]?.push(nameOf(person));
    if ((await list({ ...scope, user: ownerId })) > 0) has["documents"]?.push(nameOf(person));
    if (kept.has(scopedOwner(ownerId, scope))) has["conversations"]?.push(nameOf(person));
  }
  for (const tenant of ["acme", "globex"]) if ((await list({ tenant })) > 0) has["documents"]?.push(tenant);
  return Object.fromEntries(Object.entries(has).map(([place, names]) => [place, names.toSorted()]));
}

function everywhere(people: readonly string[], tenants: readonly string[]): Record<string, readonly string[]> {
  return { answers: people, documents: [...people, ...tenants].toSorted(), conversations: people };
}

const CASES: readonly {
  readonly who: { readonly ownerId?: string; readonly scope?: Scope };
  readonly args: readonly string[];
  readonly rest: Record<string, readonly string[]>;
}[] = [
  {
    who: { ownerId: "1" },
    args: ["--owner", "1"],
    rest: everywhere(["2", "acme/2"], ["acme", "globex"]),
  },
  {
    who: { scope: { user: "1" } },
    args: ["--user", "1"],
    rest: everywhere(["2", "acme/2"], ["acme", "globex"]),
  },
  {
    who: { scope: { tenant: "acme" } },
    args: ["--tenant", "acme"],
    rest: everywhere(["1", "2", "globex/1"], ["globex"]),
  },
  {
    who: { ownerId: "1", scope: { tenant: "acme" } },
    args: ["--owner", "1", "--tenant", "acme"],
    rest: everywhere(["1", "2", "acme/2", "globex/1"], ["acme", "globex"]),
  },
];

describe("who is forgotten is gone from every place, and nobody else", { timeout: 60_000 }, () => {
  test.each(CASES.filter(({ who }) => who.ownerId !== undefined))("by the library: $who", async ({ who, rest }) => {
    await opened(folder(filled), async (strata) => {
      const receipt = await strata.forget(who);
      expect(receipt).toMatchObject({ complete: true, failed: {} });
      // A backup from before brings none of it back.
      await strata.restore(before);
      expect(await left(strata)).toEqual(rest);
    });
  });

  test.each(CASES)("by the command line: $args", async ({ args, rest }) => {
    const data = folder(filled);
    const terminal = recordedTerminal();
    expect(await runCommand(["forget", "--data", data, ...args], COMMANDS, terminal)).toBe(0);
    const receipt = terminal.outs.join("\n");
    expect(receipt).toMatch(/^cache, disk: [1-9]\d* removed$/m);
    expect(receipt).toMatch(/^documents: [1-9]\d* removed$/m);
    expect(receipt).toMatch(/^conversations: [1-9]\d* removed, with [1-9]\d* messages/m);
    expect(await opened(data, left)).toEqual(rest);
  });
});

describe("forgetting", () => {
  test("refuses who is nobody, or two", async () => {
    await opened(folder(), async (strata) => {
      for (const who of [{}, { ownerId: "" }, { scope: {} }, { scope: { tenant: "" } }, { ownerId: "1", scope: { user: "2" } }]) {
        await expect(strata.forget(who)).rejects.toThrow(expect.objectContaining({ name: "StrataConfigError" }) as Error);
      }
      await expect(strata.forget({ owner: "1" } as never)).rejects.toThrow("owner");
    });
    for (const args of [[], ["--owner", ""], ["--tenant", ""], ["--owner", "1", "--user", "2"]]) {
      const terminal = recordedTerminal();
      expect(await runCommand(["forget", "--data", folder(), ...args], COMMANDS, terminal)).toBe(2);
    }
  });

  test("a place that fails is named, and holds up no other", { timeout: 60_000 }, async () => {
    await opened(folder(filled), async (strata) => {
      await strata.documents.close();
      const receipt = await strata.forget({ ownerId: "1" });
      expect(receipt).toMatchObject({ complete: false, failed: { documents: expect.stringContaining("closed") as string } });
      expect(receipt.conversations?.owners).toBe(3);
      expect(receipt).not.toHaveProperty("documents");
    });
  });
});
