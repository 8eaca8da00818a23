import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { createStrata } from "../../../src/create-strata.ts";
import { countIn, folderBytes } from "../../support/raw-bytes.ts";
import { ScriptedModel } from "../../support/scripted-model.ts";

const CANARY = "canary-of-a-system-0d2e";

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "strata-encryption-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function keyFile(mode = 0o600): { file: string; secret: string } {
  const secret = randomBytes(32).toString("base64");
  const file = join(folder(), "master.json");
  writeFileSync(file, JSON.stringify({ current: "a", keys: { a: secret } }), { mode });
  return { file, secret };
}

describe("a system with encryption", () => {
  test(
    "keeps answers and conversations encrypted, finds them after a restart, and forgets by a key",
    { timeout: 240_000 },
    async () => {
      const [data, { file }] = [folder(), keyFile()];
      const model = new ScriptedModel({ model: "scripted", reply: () => `${CANARY} answered` });
      const config = {
        data,
        model,
        cache: { scope: "owner", compression: "none" },
        encryption: { keyFile: file, required: true },
      } as const;
      const keys = (): number => readdirSync(join(data, "keys")).filter((name) => name.endsWith(".json")).length;
      const asked = { ownerId: "ada", useMemory: false } as const;
      const first = await createStrata(config);
      await first.chat(`What is ${CANARY}?`, asked);
      await first.close();
      const second = await createStrata(config);
      expect(await second.chat(`What is ${CANARY}?`, asked)).toMatchObject({ cached: true });
      await second.chat(`And what is ${CANARY}?`, { ownerId: "ada", sessionId: "s" });
      const { messages } = await second.conversations.messages({ ownerId: "ada" });
      expect(messages.map(({ text }) => text)).toContain(`And what is ${CANARY}?`);
      expect(keys()).toBe(2);
      expect(countIn(folderBytes(data), CANARY)).toBe(0);
      await second.cache.forget({ user: "ada" });
      await second.conversations.forget({ ownerId: "ada" });
      expect(keys()).toBe(0);
      await second.close();
      expect(countIn(folderBytes(data), CANARY)).toBe(0);
      expect(inspect(second, { depth: 12, showHidden: true })).not.toContain(file);
    },
  );

  test.each<[string, (file: string) => object, string]>([
    ["neither a file nor keys", () => ({}), "encryption"],
    ["both", (keyFile) => ({ keyFile, keys: {} }), "encryption"],
    ["a wrong key", () => ({ keys: { current: "a", keys: { a: "too short, and secret" } } }), "encryption.keys.keys.a"],
    ["a wrong word", (keyFile) => ({ keyFile, require: true }), "encryption.require"],
    [
      "a store where there is no use for one",
      (keyFile) => ({ keyFile, perScope: false, keyStore: "keys" }),
      "encryption.keyStore",
    ],
    ["a file that is not there", () => ({ keyFile: "/nowhere/keys.json" }), "encryption.keyFile"],
  ])("%s is refused with nothing opened, and no secret shown", async (_what, encryption, option) => {
    const data = join(folder(), "data");
    const failure = await createStrata({ data, encryption: encryption(keyFile().file) }).catch((error: unknown) => error);
    expect(String(failure)).toContain(`Option \`${option}\``);
    expect(String(failure)).not.toContain("and secret");
    expect(existsSync(data)).toBe(false);
  });

  test("a file of keys that others can read is refused", async () => {
    const { file, secret } = keyFile(0o644);
    const failure = await createStrata({ data: folder(), encryption: { keyFile: file } }).catch((error: unknown) => error);
    expect(String(failure)).toContain("chmod 600");
    expect(inspect(failure, { depth: 9 })).not.toContain(secret);
  });
});
