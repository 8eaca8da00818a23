import fc from "fast-check";
import { expect, test } from "vitest";
import { DigestMemo } from "../../../src/core/digest-memo.ts";
import { digestAfter, keyPrefix } from "../../../src/core/key.ts";
import { seeded } from "./seeded.ts";

test("gives what hashing gives, for any texts in any order, also for those that share a place", () => {
  const prefix = fc.constantFrom(keyPrefix("a"), keyPrefix("b"));
  // Few lengths and characters, so that many texts have the same samples.
  const text = fc.oneof(fc.string({ unit: fc.constantFrom("x", "y"), maxLength: 40 }), fc.string({ unit: "binary" }));
  const property = fc.property(fc.array(fc.tuple(prefix, text), { maxLength: 60 }), (asked) => {
    const memo = new DigestMemo();
    for (const [before, last] of [...asked, ...asked]) expect(memo.digestAfter(before, last)).toBe(digestAfter(before, last));
  });
  fc.assert(property, seeded());
});

test("tells texts apart that differ only where it does not look", () => {
  const memo = new DigestMemo();
  const text = "x".repeat(1000);
  const digests = Array.from({ length: 1000 }, (_, at) => memo.digestAfter("p", `${text.slice(0, at)}y${text.slice(at + 1)}`));
  expect(new Set(digests).size).toBe(1000);
});

test("stays right when it is full, when it stands aside, and for texts that it does not hold", () => {
  const memo = new DigestMemo();
  for (let index = 0; index < 200; index++) {
    const text = String(index).padEnd(60_000, "z");
    expect(memo.digestAfter("p", text)).toBe(digestAfter("p", text));
  }
  for (let index = 0; index < 3000; index++) {
    const text = `new ${index % 1700}`;
    expect(memo.digestAfter("p", text)).toBe(digestAfter("p", text));
  }
  const long = "l".repeat(100_000);
  expect(memo.digestAfter("p", long)).toBe(digestAfter("p", long));
});
