/**
 * Stored data is never code. What `load()` of LangChain would build (CVE-2025-68664, CVE-2025-68665) stays the plain data that
 * it is; what would change a prototype is refused or left out; nothing is so deep or so damaged that reading it ends a process.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { open, seal } from "../../src/core/envelope.ts";
import { StrataError } from "../../src/core/errors.ts";
import { digest } from "../../src/core/key.ts";
import { clonePlain, toPlain, type Json } from "../../src/core/plain.ts";
import { scopeDigest } from "../../src/core/scope.ts";
import { seededRandom } from "../support/seeded-random.ts";

const KEY = digest("key");
const SCOPE = scopeDigest({ tenant: "a" });

/** The way of a value through a store: made plain, sealed, opened, parsed, cloned for a reader. */
function throughStore(value: unknown): Json {
  const payload = Buffer.from(JSON.stringify(toPlain(value)));
  const header = { createdAt: 1, expiresAt: undefined, cost: 1, codec: 0, rawLength: payload.byteLength, tags: [] };
  const opened = open(seal({ ...header, key: KEY, scope: SCOPE, payload }), KEY, SCOPE);
  return clonePlain(JSON.parse(Buffer.from(opened.payload).toString("utf8")) as Json);
}

/** The names that every object would have if `Object.prototype` had been changed. */
function inheritedByAll(): string[] {
  const names: string[] = [];
  for (const name in {}) names.push(name);
  return [...names, ...Object.getOwnPropertyNames(Object.prototype)].toSorted();
}

const SERIALIZED: readonly (readonly [string, unknown])[] = [
  [
    "a constructor",
    { lc: 1, type: "constructor", id: ["langchain_core", "messages", "AIMessage"], kwargs: { content: "owned" } },
  ],
  ["a secret", { lc: 1, type: "secret", id: ["STRATA_CANARY"] }],
  ["a secret in a list in an object", { a: [{ b: { lc: 1, type: "secret", id: ["STRATA_CANARY"] } }] }],
  ["an escaped object", { __lc_escaped__: { lc: 1, type: "secret", id: ["STRATA_CANARY"] } }],
  ["not implemented", { lc: 1, type: "not_implemented", id: ["process", "env"], repr: "x" }],
  ["a second version", { lc: 2, type: "constructor", id: ["RegExp"], method: "from", args: ["(a+)+$"] }],
  ["undefined of a second version", { lc: 2, type: "undefined" }],
  ["a set of a second version", { lc: 2, type: "constructor", id: ["Set"], args: [[1]] }],
  ["a key named constructor", { constructor: { prototype: { polluted: true } } }],
  ["a key named prototype", { prototype: { polluted: true } }],
];

describe("what LangChain would revive", () => {
  it.each(SERIALIZED)("%s passes unchanged, as data", (_what, value) => {
    vi.stubEnv("STRATA_CANARY", "sk-canary-in-the-environment");
    const text = JSON.stringify(value);
    const given = throughStore(value);
    expect(given).toEqual(value);
    expect(JSON.stringify(given)).toBe(text);
    expect(Object.getPrototypeOf(given)).toBe(Object.prototype);
    expect(JSON.stringify(given)).not.toContain("sk-canary");
  });

  it("is looked up in no environment and built by no loader: the core imports neither", () => {
    for (const name of ["plain", "envelope", "key", "scope"]) {
      const source = readFileSync(new URL(`../../src/core/${name}.ts`, import.meta.url), "utf8");
      expect(source).not.toMatch(/process\.env|load\/|\beval\b|new Function|import\(/);
    }
  });
});

describe("prototypes", () => {
  const POISON = [
    '{"__proto__":{"polluted":true}}',
    '{"a":{"__proto__":{"polluted":true}}}',
    '[{"__proto__":{"polluted":true,"toString":1}}]',
    '{"constructor":{"prototype":{"polluted":true}}}',
    '{"__proto__":{"__proto__":{"polluted":true}}}',
    '{"__proto__":null}',
    '{"\\u005f_proto__":{"polluted":true}}',
  ];

  it.each(POISON)("of no object are changed by %s, on the way in or out", (text) => {
    const before = inheritedByAll();
    const poison = JSON.parse(text) as Json;
    const copies: unknown[] = [clonePlain(poison)];
    try {
      copies.push(toPlain(poison));
    } catch (error) {
      expect(StrataError.isInstance(error) && error.code).toBe("UNSTORABLE");
    }
    expect(inheritedByAll()).toEqual(before);
    const objects: object[] = copies.filter((copy) => typeof copy === "object" && copy !== null);
    for (const each of objects) {
      objects.push(...(Object.values(each) as unknown[]).filter((item) => typeof item === "object" && item !== null));
      expect(Object.getPrototypeOf(each)).toBe(Array.isArray(each) ? Array.prototype : Object.prototype);
      expect("polluted" in each && !Object.hasOwn(each, "polluted")).toBe(false);
    }
  });

  it("that somebody else has polluted leave no trace in what is stored or given", () => {
    // oxlint-disable-next-line no-extend-native -- what a polluted process does is what this tests
    Object.defineProperty(Object.prototype, "polluted", { value: true, enumerable: true, configurable: true, writable: true });
    try {
      expect(Object.keys(toPlain({ a: 1 }) as object)).toEqual(["a"]);
      expect(Object.keys(clonePlain({ a: 1 }))).toEqual(["a"]);
    } finally {
      delete (Object.prototype as { polluted?: unknown }).polluted;
    }
  });
});

describe("poison values", () => {
  it.each<[string, unknown]>([
    ["null", null],
    ["an empty text", ""],
    ["a lone surrogate", "a\ud800b"],
    ["a lone surrogate in a key", { "\udfff": 1 }],
    ["a NUL character", "a\0b"],
    ["separators that end lines in scripts", "\u2028\u2029"],
    ["the largest numbers", [Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53, -(2 ** 53)]],
    ["128 levels", JSON.parse("[".repeat(128) + "]".repeat(128))],
    ["a megabyte of text", "é".repeat(500_000)],
  ])("%s comes back equal", (_what, value) => {
    expect(throughStore(value)).toStrictEqual(value);
  });

  it.each<[string, unknown]>([
    ["undefined", undefined],
    ["NaN", Number.NaN],
    ["a big integer", 1n],
    ["a buffer", { image: Buffer.from("a") }],
    ["10,000 levels", JSON.parse("[".repeat(10_000) + "]".repeat(10_000))],
    ["10,000 levels of objects", JSON.parse('{"a":'.repeat(10_000) + "1" + "}".repeat(10_000))],
    ["an own __proto__", JSON.parse('{"__proto__":1}')],
  ])("%s is refused before anything is written", (_what, value) => {
    expect(() => throughStore(value)).toThrow(expect.objectContaining({ code: "UNSTORABLE" }));
  });

  it("64 KiB of garbage is never a value and never another error, a thousand times", () => {
    const random = seededRandom(14);
    const garbage = Buffer.alloc(64 * 1024);
    for (let index = 0; index < garbage.byteLength; index++) garbage[index] = random() * 256;
    const header = seal({
      ...{ createdAt: 1, expiresAt: undefined, cost: 1, codec: 0, rawLength: 1, tags: [], payload: Buffer.alloc(64) },
      ...{ key: KEY, scope: SCOPE },
    });
    for (let round = 0; round < 1_000; round++) {
      const start = Math.floor(random() * 1_000);
      const bytes = garbage.subarray(start, start + 76 + Math.floor(random() * 500));
      // Every other round under a header that is right as far as it goes.
      if (round % 2 === 0) header.copy(bytes, 0, 0, Math.floor(random() * 72));
      expect(() => open(bytes, KEY, SCOPE)).toThrow(expect.objectContaining({ code: "CORRUPT" }));
    }
  });
});
