import { createContext, runInContext } from "node:vm";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StrataError } from "../../../src/core/errors.ts";
import { clonePlain, toPlain, type Json } from "../../../src/core/plain.ts";
import { seeded } from "./seeded.ts";

/** Everything that JSON can hold and give back equal. */
const json = fc
  .jsonValue({ maxDepth: 6, stringUnit: fc.constantFrom("a", "é", "世", "😀", "\ud800", "\udc00", "\0", '"', "\\", "\u2028") })
  .filter((value) => !isRefused(value as Json)) as fc.Arbitrary<Json>;

/** What JSON can write, but not give back equal. */
function isRefused(value: Json): boolean {
  if (typeof value !== "object" || value === null) return Object.is(value, -0);
  return Object.entries(value).some(([key, item]) => key === "__proto__" || isRefused(item));
}

/** What `depth` arrays, one in the other, make. */
function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { in: value };
  return value;
}

function shareObjects(one: unknown, other: unknown): boolean {
  if (typeof one !== "object" || one === null) return false;
  return one === other || Object.keys(one).some((key) => shareObjects((one as never)[key], (other as never)[key]));
}

class Temperature {
  readonly degrees = 20;
}

describe("toPlain", () => {
  it("gives back an equal copy of everything that JSON holds, and shares no object with it", () => {
    const property = fc.property(json, (value) => {
      const plain = toPlain(value);
      expect(plain).toStrictEqual(value);
      expect(JSON.stringify(plain)).toBe(JSON.stringify(value));
      expect(shareObjects(plain, value)).toBe(false);
    });
    fc.assert(property, seeded(1_000));
  });

  it("stores only what JSON gives back equal: whatever it takes survives a round trip, whatever it does not take it names", () => {
    const anything = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
    });
    let [taken, refused] = [0, 0];
    const property = fc.property(anything, (value) => {
      let plain: Json;
      try {
        plain = toPlain(value);
        taken++;
      } catch (error) {
        expect(StrataError.isInstance(error) && error.code).toBe("UNSTORABLE");
        refused++;
        return;
      }
      expect(JSON.parse(JSON.stringify(plain))).toStrictEqual(plain);
    });
    fc.assert(property, seeded(3_000));
    expect(Math.min(taken, refused)).toBeGreaterThan(200);
  });

  it("leaves out properties that are undefined, as JSON does", () => {
    expect(toPlain({ a: undefined, b: { c: undefined } })).toStrictEqual({ b: {} });
  });

  it("takes objects without a prototype, and objects of another realm, as the data that they are", () => {
    const bare: unknown = Object.assign(Object.create(null) as object, { a: 1 });
    expect(toPlain(bare)).toStrictEqual({ a: 1 });
    const foreign: unknown = runInContext("({ a: [1, { b: 'x' }] })", createContext());
    expect(toPlain(foreign)).toStrictEqual({ a: [1, { b: "x" }] });
    const foreignDate: unknown = runInContext("new Date(0)", createContext());
    expect(() => toPlain(foreignDate)).toThrow("an instance of Date");
  });

  it.each<[string, unknown, string]>([
    ["undefined", undefined, "`value` is of type undefined"],
    ["a function", () => 1, "of type function"],
    ["a symbol", Symbol("s"), "of type symbol"],
    ["a big integer", 10n, "of type bigint"],
    ["NaN", Number.NaN, "the number NaN"],
    ["infinity", Infinity, "the number Infinity"],
    ["minus infinity", -Infinity, "the number -Infinity"],
    ["minus zero", -0, "the number -0"],
    ["a date", new Date(0), "an instance of Date"],
    ["a map", new Map([["a", 1]]), "an instance of Map"],
    ["a set", new Set([1]), "an instance of Set"],
    ["a regular expression", /a/, "an instance of RegExp"],
    ["an error", new Error("m"), "an instance of Error"],
    ["a promise", Promise.resolve(1), "an instance of Promise"],
    ["a URL", new URL("https://a.test"), "an instance of URL"],
    ["a boxed text", Object("text"), "an instance of String"],
    ["a class instance", new Temperature(), "an instance of Temperature"],
    [
      "an heir of an object without a prototype",
      Object.create(Object.create(Object.create(null) as object) as object),
      "an instance of",
    ],
    ["a buffer", Buffer.from("a"), "an instance of Buffer"],
    ["bytes", new Uint8Array(1), "an instance of Uint8Array"],
    ["a memory", new ArrayBuffer(1), "an instance of ArrayBuffer"],
    ["a hole in a list", Object.assign([1], { length: 2 }), "`value[1]` is of type undefined"],
    ["undefined in a list", [1, undefined], "`value[1]` is of type undefined"],
    ["an own key __proto__", JSON.parse('{"__proto__":{"a":1}}'), "an object with an own key `__proto__`"],
    ["an object that makes its own JSON", { toJSON: () => 1 }, "`value.toJSON` is of type function"],
  ])("refuses %s", (_what, value, message) => {
    expect(() => toPlain(value)).toThrow(
      expect.objectContaining({ code: "UNSTORABLE", message: expect.stringContaining(message) }),
    );
  });

  it("names the place of what it refuses, under the name of the whole", () => {
    expect(() => toPlain({ a: [0, { b: new Date(0) }] }, "content")).toThrow(
      "`content.a[1].b` is an instance of Date, which cannot be stored and given back equal.",
    );
  });

  it("takes 128 levels and refuses 129, and any deeper ones without overflowing the stack", () => {
    expect(toPlain(nested(128))).toStrictEqual(nested(128));
    for (const depth of [129, 130, 100_000]) expect(() => toPlain(nested(depth))).toThrow("nested deeper than 128");
  });

  it("refuses cycles", () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    const list: unknown[] = [];
    list.push(list, list);
    for (const value of [cycle, list, { in: { cycle } }]) expect(() => toPlain(value)).toThrow("nested deeper than 128");
  });
});

describe("clonePlain", () => {
  it("copies everything that JSON holds, and shares no object with it", () => {
    const property = fc.property(json, (value) => {
      const clone = clonePlain(value);
      expect(clone).toStrictEqual(value);
      expect(shareObjects(clone, value)).toBe(false);
    });
    fc.assert(property, seeded(1_000));
  });

  it("leaves out an own key __proto__, which would give the copy a prototype that the data chose", () => {
    const poisoned = JSON.parse('{"a":1,"__proto__":{"admin":true},"in":[{"__proto__":{"admin":true}}]}') as Json;
    const clone = clonePlain(poisoned) as { admin?: boolean; in: { admin?: boolean }[] };
    expect(clone).toStrictEqual({ a: 1, in: [{}] });
    expect([clone.admin, clone.in[0]?.admin]).toEqual([undefined, undefined]);
    expect(Object.getPrototypeOf(clone)).toBe(Object.prototype);
  });
});
