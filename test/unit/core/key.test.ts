import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digest, digestAfter, keyPrefix } from "../../../src/core/key.ts";
import { seeded } from "./seeded.ts";

/** Texts made to collide: digits and the separators of the framing, and both halves of a surrogate pair. */
const hostile = fc.string({
  unit: fc.constantFrom("a", "1", "2", ":", "|", "|1:a", "_", "\0", "\ud83d", "\ude00", "é", "e\u0301"),
});
type Parts = [string, ...string[]];
const parts = fc.tuple(hostile, fc.array(hostile, { maxLength: 3 })).map(([first, rest]): Parts => [first, ...rest]);

describe("digest", () => {
  it.each<[Parts, string]>([
    [["a", "bc"], "strata-key-1|1:a|*bc"],
    [["ab", "c"], "strata-key-1|2:ab|*c"],
    [[""], "strata-key-1|*"],
    [["answer", "", "é😀"], "strata-key-1|6:answer|0:|*é😀"],
  ])("hashes %j as the SHA-256 of its framed text", (list, framed) => {
    expect(digest(...list)).toBe(createHash("sha256").update(framed, "utf8").digest("base64url"));
  });

  // These may change only together with the version in the key, which empties every store.
  it.each<[Parts, string]>([
    [["a", "bc"], "c9IoyIZvu-FfOsBE7b8nLSjALP8wHZrwgk6tZ4-WmRs"],
    [["scope"], "lURl-sB-YdXk8m3dhHE5bepVZemr88n6X_CM2-Ru8as"],
    [["answer", "tenant", "model", "Olá, 世界 😀"], "ZSI1_E82JqgwiHeZDD10cId1iWm8RgWZ4zG_KoG1lKk"],
    [["\ud800"], "pxdTXUBt2vm-BXWjKnEqEfVlNsv0T_VHHq-65K3-_js"],
  ])("gives for %j the key that every release before gave", (list, key) => {
    expect(digest(...list)).toBe(key);
  });

  it("is injective: two lists of parts share a digest only when they are equal", () => {
    const property = fc.property(parts, parts, (one, other) => {
      expect(digest(...one) === digest(...other)).toBe(JSON.stringify(one) === JSON.stringify(other));
    });
    fc.assert(property, seeded(2_000));
  });

  it("tells every way of cutting one text apart", () => {
    const cut = fc.tuple(hostile, fc.nat(), fc.nat());
    const property = fc.property(cut, ([text, first, second]) => {
      const [a, b] = [first % (text.length + 1), second % (text.length + 1)];
      const cuts = [a, b].map((at) => digest(text.slice(0, at), text.slice(at)));
      expect(cuts[0] === cuts[1]).toBe(a === b);
      expect(cuts).not.toContain(digest(text));
    });
    fc.assert(property, seeded(2_000));
  });

  it("gives different digests to all lists of up to three parts over a small hostile alphabet", () => {
    const alphabet = ["", "1", ":", "|", "*", "|*", "|0:", "|1:1", "1:|*", "utf16", "\ud800", "\udc00", "\ud800\udc00", "\ufffd"];
    let lists: string[][] = [[]];
    const seen = new Set<string>();
    let count = 0;
    for (let length = 1; length <= 3; length++) {
      lists = lists.flatMap((list) => alphabet.map((part) => [...list, part]));
      for (const list of lists) seen.add(digest(...(list as Parts)));
      count += lists.length;
    }
    expect(count).toBe(alphabet.length + alphabet.length ** 2 + alphabet.length ** 3);
    expect(seen.size).toBe(count);
  });

  it("tells lone surrogates apart, which UTF-8 would make one replacement character", () => {
    const broken = ["\ud800", "\ud801", "\udc00", "\ufffd", "\udc00\ud800", "\ud800\udc00"];
    expect(new Set(broken.map((text) => digest(text))).size).toBe(broken.length);
    expect(digest("\ud83d", "\ude00")).not.toBe(digest("\ud83d\ude00"));
  });

  it("is 43 characters that are safe in any engine, whatever the parts are", () => {
    const property = fc.property(parts, (list) => {
      expect(digest(...list)).toMatch(/^[A-Za-z0-9_-]{43}$/);
    });
    fc.assert(property, seeded());
    expect(digest("x".repeat(10_000_000))).toHaveLength(43);
  });
});

describe("digestAfter", () => {
  it("is the digest of all parts, whatever the prefixes before it were", () => {
    const property = fc.property(fc.array(parts, { minLength: 2, maxLength: 5 }), (lists) => {
      const expected = lists.map((list) => digest(...list));
      const prefixes = lists.map((list) => keyPrefix(...list.slice(0, -1)));
      for (const order of [lists.keys(), [...lists.keys()].toReversed()]) {
        for (const index of order) expect(digestAfter(prefixes[index] ?? "", lists[index]?.at(-1) ?? "")).toBe(expected[index]);
      }
    });
    fc.assert(property, seeded());
  });

  // Short texts are hashed out of a buffer that is reused; around its bound the way of hashing changes, the digest must not.
  it.each(["x", "é", "世", "😀"])(
    "is the SHA-256 of the framed text for every size around the bounds of its buffer, of %s",
    (character) => {
      const prefix = keyPrefix("answer", "model");
      const bytes = Buffer.byteLength(character);
      for (const size of [1, 21_844, 65_536, 87_300, 87_381, 131_072, 262_100, 262_144, 300_000]) {
        for (const length of [size - 1, size, size + 1].map((each) => Math.ceil(each / bytes))) {
          const last = character.repeat(length);
          expect(digestAfter(prefix, last)).toBe(
            createHash("sha256")
              .update(prefix + last, "utf8")
              .digest("base64url"),
          );
        }
      }
    },
  );

  it("keeps nothing of a longer text that was hashed before", () => {
    const prefix = keyPrefix("p");
    const short = digestAfter(prefix, "short");
    digestAfter(prefix, "a much longer text than that");
    digestAfter(keyPrefix("a longer prefix than that"), "");
    expect(digestAfter(prefix, "short")).toBe(short);
  });
});
