import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StrataConfigError } from "../../../src/core/errors.ts";
import { GLOBAL_SCOPE, scopeDigest, type Scope } from "../../../src/core/scope.ts";
import { seeded } from "./seeded.ts";

const part = fc.option(fc.string({ minLength: 1, unit: fc.constantFrom("a", "b", "|", "4", ":", "user", "tenant") }), {
  nil: undefined,
});
const scope: fc.Arbitrary<Scope> = fc
  .record({ tenant: part, user: part, feature: part })
  .filter(({ tenant, user, feature }) => (tenant ?? user ?? feature) !== undefined);

describe("scopeDigest", () => {
  it("gives two scopes one digest only when all their parts are equal", () => {
    const same = (one: Scope, other: Scope): boolean =>
      one.tenant === other.tenant && one.user === other.user && one.feature === other.feature;
    const property = fc.property(scope, scope, (one, other) => {
      expect(scopeDigest(one) === scopeDigest(other)).toBe(same(one, other));
      expect(scopeDigest(one)).not.toBe(GLOBAL_SCOPE);
    });
    fc.assert(property, seeded(1_000));
  });

  it("tells parts apart that read the same when joined", () => {
    const lookalikes: Scope[] = [
      { tenant: "a", user: "b" },
      { tenant: "ab" },
      { tenant: "b", user: "a" },
      { user: "ab" },
      { tenant: "a", feature: "b" },
      { tenant: "auserb" },
      { tenant: "a|4:user|1:b" },
      { tenant: "a", user: "b", feature: "feature" },
      { tenant: "A", user: "b" },
      { tenant: "a ", user: "b" },
    ];
    expect(new Set(lookalikes.map((each) => scopeDigest(each))).size).toBe(lookalikes.length);
  });

  it("does not depend on the order in which the parts are written, nor on parts left undefined", () => {
    const digests = [
      scopeDigest({ tenant: "a", user: "b", feature: "c" }),
      scopeDigest({ feature: "c", user: "b", tenant: "a" }),
      scopeDigest({ user: "b", tenant: "a", feature: "c" }),
    ];
    expect(new Set(digests).size).toBe(1);
    expect(scopeDigest({ tenant: "a", user: undefined })).toBe(scopeDigest({ tenant: "a" }));
  });

  it("names everybody's scope only by the word", () => {
    expect(scopeDigest("global")).toBe(GLOBAL_SCOPE);
    expect(scopeDigest({ tenant: "global" })).not.toBe(GLOBAL_SCOPE);
  });

  it("reads parts that a class keeps behind accessors", () => {
    class Session {
      get tenant(): string {
        return "a";
      }
    }
    expect(scopeDigest(new Session())).toBe(scopeDigest({ tenant: "a" }));
  });

  it.each([
    ["a misspelt part", { tenat: "a" }, /^Option `scope\.tenat` is "a"; accepted: the parts tenant, user, feature\.$/],
    ["a misspelt part beside a good one", { tenant: "a", usr: "b" }, /^Option `scope\.usr` is "b"/],
    ["an empty part", { tenant: "" }, /^Option `scope\.tenant` is ""; accepted: a text that is not empty\.$/],
    ["a number", { user: 42 }, /^Option `scope\.user` is 42; accepted: a text that is not empty\.$/],
    ["null as a part", { user: null }, /^Option `scope\.user` is null/],
    ["an object as a part", { user: { id: "secret" } }, /^Option `scope\.user` is an object \(Object\)/],
    ["another word", "gobal", /^Option `scope` is "gobal"; accepted: an object or "global"\.$/],
    ["null", null, /^Option `scope` is null/],
    ["nothing", undefined, /^Option `scope` is undefined/],
    ["a list", ["a"], /^Option `scope/],
  ])("refuses %s", (_what, value, message) => {
    expect(() => scopeDigest(value as Scope)).toThrow(message);
    expect(() => scopeDigest(value as Scope)).toThrow(StrataConfigError);
  });

  // A scope function that is `async`, or whose user has no tenant, must not share its entries with everybody.
  it.each([
    ["an object without parts", {}],
    ["parts that are all undefined", { tenant: undefined, user: undefined }],
    ["a promise", Promise.resolve({ tenant: "a" })],
    ["a map", new Map([["tenant", "a"]])],
    ["an empty list", []],
  ])("refuses %s instead of making it everybody's", (_what, value) => {
    expect(() => scopeDigest(value as Scope)).toThrow(/^Option `scope` is .+; accepted: .*"global"/);
  });
});
