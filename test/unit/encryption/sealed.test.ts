import { createSecretKey, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { digest } from "../../../src/core/key.ts";
import { openValue, readSealedHeader, sealValue } from "../../../src/encryption/sealed.ts";

const key = { id: "2026-11", secret: createSecretKey(randomBytes(32)) };
const scope = digest("scope", "user", "ada");
const place = digest("a key");
const plain = Buffer.from("what Ada asked, and what was answered");

describe("a sealed value", () => {
  test("comes back as it was, under its key, place and scope", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3_000 }), fc.string(), fc.string(), (bytes, where, who) => {
        const whose = digest("scope", who);
        const sealed = sealValue(key, { scope: whose, place: where }, bytes);
        expect(readSealedHeader(sealed)).toEqual({ keyId: key.id, scope: whose });
        expect(openValue(key, where, sealed)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test("holds nothing of its text, nor twice the same bytes", () => {
    const [one, other] = [sealValue(key, { scope, place }, plain), sealValue(key, { scope, place }, plain)];
    expect(one.includes("Ada")).toBe(false);
    expect(one.subarray(-plain.byteLength)).not.toEqual(other.subarray(-plain.byteLength));
  });

  test("is refused when any bit of any byte differs", () => {
    const sealed = sealValue(key, { scope, place }, plain);
    for (let at = 0; at < sealed.byteLength; at++) {
      for (let bit = 1; bit < 256; bit *= 2) {
        const changed = Buffer.from(sealed);
        changed.writeUInt8(changed.readUInt8(at) ^ bit, at);
        const header = readSealedHeader(changed);
        expect(header === undefined ? undefined : openValue(key, place, changed), `byte ${at}`).toBeUndefined();
      }
    }
  });

  test("is refused when it was cut off anywhere, or grew", () => {
    const sealed = sealValue(key, { scope, place }, plain);
    for (let length = 0; length < sealed.byteLength; length++) {
      const cut = sealed.subarray(0, length);
      expect(readSealedHeader(cut) === undefined ? undefined : openValue(key, place, cut)).toBeUndefined();
    }
    expect(openValue(key, place, Buffer.concat([sealed, Buffer.of(0)]))).toBeUndefined();
  });

  test("is refused at another place, under another scope, with another key", () => {
    const sealed = sealValue(key, { scope, place }, plain);
    expect(openValue(key, digest("another key"), sealed)).toBeUndefined();
    expect(openValue({ ...key, secret: createSecretKey(randomBytes(32)) }, place, sealed)).toBeUndefined();
    const moved = Buffer.from(sealed);
    Buffer.from(digest("scope", "user", "bob"), "base64url").copy(moved, 6 + key.id.length + 16);
    expect(readSealedHeader(moved)?.scope).toBe(digest("scope", "user", "bob"));
    expect(openValue(key, place, moved)).toBeUndefined();
  });

  test("has a nonce that no other has", () => {
    const at = 6 + key.id.length + 16 + 32;
    const nonces = new Set<string>();
    for (let made = 0; made < 20_000; made++) {
      nonces.add(sealValue(key, { scope, place }, Buffer.alloc(1)).toString("hex", at, at + 12));
    }
    expect(nonces.size).toBe(20_000);
  });
});
