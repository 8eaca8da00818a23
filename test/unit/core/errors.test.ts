import { LangChainError } from "@langchain/core/errors";
import { describe, expect, it, vi } from "vitest";
import { StrataConfigError, StrataError, describe as show } from "../../../src/core/errors.ts";

describe("StrataError", () => {
  it("carries its code, its message, its name and its stack", () => {
    const error = new StrataError("TIMEOUT", "The disk tier did not answer within 50 ms.");
    expect(error).toMatchObject({ code: "TIMEOUT", name: "StrataError", message: "The disk tier did not answer within 50 ms." });
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).toBe("StrataError: The disk tier did not answer within 50 ms.");
    expect(error.stack).toContain("errors.test.ts");
  });

  it("keeps its cause, and has none when none was given", () => {
    const cause = new Error("ECONNREFUSED");
    expect(new StrataError("UNAVAILABLE", "m", { cause }).cause).toBe(cause);
    expect("cause" in new StrataError("UNAVAILABLE", "m")).toBe(false);
    expect("cause" in new StrataError("UNAVAILABLE", "m", {})).toBe(false);
  });

  it("is a LangChain error, and every other error is no Strata error", () => {
    expect(LangChainError.isInstance(new StrataError("CLOSED", "m"))).toBe(true);
    for (const other of [new Error("m"), new LangChainError("m"), { code: "CLOSED" }, "CLOSED", null, undefined]) {
      expect(StrataError.isInstance(other)).toBe(false);
      expect(other instanceof StrataError).toBe(false);
    }
  });

  it("is recognised by another copy of the package", async () => {
    vi.resetModules();
    const copy = await import("../../../src/core/errors.ts");
    expect(copy.StrataError).not.toBe(StrataError);
    const [ours, theirs] = [new StrataError("CORRUPT", "m"), new copy.StrataConfigError("ttl", 0, "more")];
    expect(copy.StrataError.isInstance(ours)).toBe(true);
    expect(StrataError.isInstance(theirs)).toBe(true);
    expect(StrataConfigError.isInstance(theirs)).toBe(true);
    expect(copy.StrataConfigError.isInstance(ours)).toBe(false);
  });
});

describe("StrataConfigError", () => {
  it("names the option, the value and what is accepted", () => {
    const error = new StrataConfigError("cache.ttl", "5 parsecs", 'text such as "30s"');
    expect(error.message).toBe('Option `cache.ttl` is "5 parsecs"; accepted: text such as "30s".');
    expect(error).toMatchObject({ code: "CONFIG", name: "StrataConfigError", option: "cache.ttl" });
  });

  it("is a StrataError, and no other StrataError is one", () => {
    const error = new StrataConfigError("ttl", 0, "more");
    expect(error).toBeInstanceOf(StrataError);
    expect(StrataError.isInstance(error)).toBe(true);
    expect(error).toBeInstanceOf(StrataConfigError);
    const other = new StrataError("UNSTORABLE", "m");
    expect(other instanceof StrataConfigError).toBe(false);
    expect(StrataConfigError.isInstance(other)).toBe(false);
  });
});

describe("describe", () => {
  class Vault {
    readonly password = "hunter2";
  }

  it.each([
    ["text", '"text"'],
    ['with "quotes"\n', '"with \\"quotes\\"\\n"'],
    ["x".repeat(60), `"${"x".repeat(60)}"`],
    ["x".repeat(61), `"${"x".repeat(57)}..."`],
    [5, "5"],
    [-0, "0"],
    [Number.NaN, "NaN"],
    [10n, "10n"],
    [true, "true"],
    [null, "null"],
    [undefined, "undefined"],
    [Symbol("s"), "Symbol(s)"],
    [[1, "hunter2"], "an array of 2"],
    [{ password: "hunter2" }, "an object (Object)"],
    [new Vault(), "an object (Vault)"],
    [Object.create(null), "an object (no class)"],
    [() => "hunter2", "a function"],
  ])("shows %o as %s", (value, shown) => {
    expect(show(value)).toBe(shown);
  });

  it("survives an object whose class cannot be told", () => {
    const hostile = {
      get constructor(): never {
        throw new Error("hunter2");
      },
    };
    for (const value of [
      hostile,
      { constructor: null },
      { constructor: { name: Symbol("s") } },
      { constructor: { name: "hunter2" } },
    ]) {
      expect(show(value)).toMatch(/^an object \((?:Object|no class)\)$/);
    }
  });
});
