import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Scope } from "../../../src/core/scope.ts";
import { scopedOwner, scopeOfOwner } from "../../../src/history/scoped-owner.ts";

const part = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" }).filter((text) => !text.includes("\0"));
const tricky = fc.constantFrom("1:1", "|owner=1:1", "strata-scope|", "tenant=1:a", "4:acme|owner=1:1", "a", "1");
const text = fc.oneof(part, tricky);
const scopes = fc
  .record({ tenant: text, feature: text }, { requiredKeys: [] })
  .filter(({ tenant, feature }) => tenant !== undefined || feature !== undefined);
const owners = text.filter((owner) => !owner.startsWith("strata-scope|"));

describe("the owner of a scope", () => {
  test("has a name that never changes", () => {
    expect(scopedOwner("1", { tenant: "acme" })).toBe("strata-scope|tenant=4:acme|owner=1:1");
    expect(scopedOwner("1", { tenant: "acme", feature: "help" })).toBe("strata-scope|tenant=4:acme|feature=4:help|owner=1:1");
    expect(scopedOwner("1", { feature: "help" })).toBe("strata-scope|feature=4:help|owner=1:1");
  });

  test("is the owner as it is without a scope, and with one of the owner alone", () => {
    expect(scopedOwner("1")).toBe("1");
    expect(scopedOwner("1", { user: "1" })).toBe("1");
  });

  test("can be read back, so no two pairs have one name", () => {
    fc.assert(
      fc.property(scopes, owners, (scope: Scope, owner) => {
        expect(scopeOfOwner(scopedOwner(owner, scope))).toEqual({ ...scope, user: owner });
      }),
    );
    expect(scopeOfOwner("1")).toEqual({ user: "1" });
  });

  test.each([
    ["1", { tenant: "" }],
    ["1", { tenat: "acme" }],
    ["1", { tenant: "acme", user: "2" }],
    ["1", { tenant: "a\0b" }],
    ["1".repeat(1_000), { tenant: "acme" }],
    ["strata-scope|owner=1:1", { tenant: "acme" }],
  ])("refuses what cannot be one: %s", (owner, scope) => {
    expect(() => scopedOwner(owner, scope as Scope)).toThrow(expect.objectContaining({ name: "StrataConfigError" }) as Error);
  });
});
