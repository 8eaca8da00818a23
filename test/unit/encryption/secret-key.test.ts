import { createSecretKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { keysFromFile } from "../../../src/encryption/secret-key.ts";
import { staticKeys } from "../../../src/encryption/rings/static-keys.ts";

const folder = mkdtempSync(join(tmpdir(), "strata-keys-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a call threw, as text with all that a log would print of it. */
function thrown(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return inspect(error, { depth: 9, showHidden: true });
  }
  throw new Error("It threw nothing.");
}

describe("a key", () => {
  test.each([
    ["bytes", (key: Buffer) => key],
    ["base64", (key: Buffer) => key.toString("base64")],
    ["base64url", (key: Buffer) => key.toString("base64url")],
    ["a KeyObject", (key: Buffer) => createSecretKey(key)],
  ])("is taken as %s", async (_form, form) => {
    const key = randomBytes(32);
    const ring = staticKeys({ current: "a", keys: { a: form(key) } });
    expect((await ring.current({ scope: "" })).secret.export()).toEqual(key);
  });

  test.each([
    ["too short", randomBytes(31)],
    ["too long", randomBytes(33)],
    ["short base64", randomBytes(24).toString("base64")],
    ["a password", "correct horse battery staple, correct horse"],
    ["hexadecimal", randomBytes(32).toString("hex")],
    ["nothing but zeros", Buffer.alloc(32)],
    ["a private key", generateKeyPairSync("ed25519").privateKey],
    ["a number", 7],
  ])("that is %s is refused by its name, and not shown", (_form, key) => {
    const text = thrown(() => staticKeys({ current: "a", keys: { a: key as Uint8Array } }));
    expect(text).toContain("staticKeys.keys.a");
    expect(text).toContain("32 random bytes");
    if (typeof key === "string") expect(text).not.toContain(key.slice(0, 8));
  });

  test("must be one of those that were given, to be the current one", () => {
    expect(thrown(() => staticKeys({ current: "b", keys: { a: randomBytes(32) } }))).toContain("staticKeys.current");
    expect(thrown(() => staticKeys({ current: "__proto__", keys: { a: randomBytes(32) } }))).toContain("staticKeys.current");
    expect(thrown(() => staticKeys({ current: "a", keys: {} }))).toContain("staticKeys.keys");
    expect(thrown(() => staticKeys({ current: "a b", keys: { "a b": randomBytes(32) } }))).toContain("staticKeys.keys");
  });
});

describe("a file of keys", () => {
  const secret = randomBytes(32).toString("base64");
  function file(name: string, text: string, mode: number): string {
    const path = join(folder, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  }

  test("is read when only its owner can read it", async () => {
    const path = file("keys.json", JSON.stringify({ current: "a", keys: { a: secret } }), 0o600);
    const key = await staticKeys(keysFromFile(path)).current({ scope: "" });
    expect(key.secret.export().toString("base64")).toBe(secret);
  });

  test.each([0o640, 0o604, 0o644])("is refused with the mode %o", (mode) => {
    const path = file(`open-${mode}.json`, JSON.stringify({ current: "a", keys: { a: secret } }), mode);
    expect(thrown(() => keysFromFile(path))).toContain("chmod 600");
  });

  test.each([
    ["is missing", undefined],
    ["is no JSON", `${secret} {`],
    ["holds a short key", JSON.stringify({ current: "a", keys: { a: secret.slice(0, 20) } })],
    ["names no current key", JSON.stringify({ keys: { a: secret } })],
  ])("that %s is refused, and nothing in it shown", (name, text) => {
    const path = join(folder, name);
    if (text !== undefined) file(name, text, 0o600);
    const said = thrown(() => keysFromFile(path));
    expect(said).toContain("StrataConfigError");
    expect(said).not.toContain(secret.slice(0, 12));
  });
});
