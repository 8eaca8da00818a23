import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StrataConfigError } from "../../../src/core/errors.ts";
import { parseByteSize, parseChoice, parseCount, parseDuration, parseNumber, refuseUnknown } from "../../../src/core/options.ts";
import { seeded } from "./seeded.ts";
import { calmest, durationOf } from "../../support/calmest.ts";

/** Runs what must refuse, and gives the error, which names the option, the value and what is accepted. */
function refusal(run: () => unknown): StrataConfigError {
  try {
    run();
  } catch (error) {
    if (error instanceof StrataConfigError) return error;
    throw error;
  }
  throw new Error("It was accepted.");
}

const NO_QUANTITY: readonly unknown[] = [
  ...[0, -1, Number.NaN, Infinity, -Infinity, "", " ", "0s", "-1s", "1", "s", "1 parsec", "1w", "1e3s", "0x10s", "1,5s", "1s2m"],
  ...["1".repeat(400) + "s", "１s", "1s\0", undefined, null, true, 10n, {}, [], ["1s"], () => 1, Symbol("s"), new Date(0)],
];

describe("parseDuration", () => {
  it.each([
    [1, 1],
    [0.5, 0.5],
    ["250ms", 250],
    ["30s", 30_000],
    ["15m", 900_000],
    ["1h", 3_600_000],
    ["7d", 604_800_000],
    ["1.5s", 1_500],
    [" 2 H ", 7_200_000],
  ])("reads %j as %d ms", (value, ms) => {
    expect(parseDuration("ttl", value as "1s")).toBe(ms);
  });

  it.each(NO_QUANTITY.map((value) => [value]))("refuses %o, naming option, value and what is accepted", (value) => {
    const error = refusal(() => parseDuration("cache.ttl", value as "1s"));
    expect(error.option).toBe("cache.ttl");
    expect(error.message).toMatch(
      /^Option `cache\.ttl` is .+; accepted: a number of milliseconds above 0, or text such as "250ms"/s,
    );
  });

  it("reads every number with every unit as their product", () => {
    const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
    const unit = fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[]));
    const property = fc.property(fc.integer({ min: 1, max: 1e9 }), unit, (amount, name) => {
      expect(parseDuration("ttl", `${amount}${name}`)).toBe(amount * units[name]);
    });
    fc.assert(property, seeded());
  });

  it("never throws anything but a configuration error, and never gives a time that is not above zero", () => {
    const property = fc.property(fc.anything(), (value) => {
      let ms = 1;
      try {
        ms = parseDuration("ttl", value as number);
      } catch (error) {
        expect(error).toBeInstanceOf(StrataConfigError);
      }
      expect(ms > 0 && Number.isFinite(ms)).toBe(true);
    });
    fc.assert(property, seeded(1_000));
  });

  it("refuses a hostile text of a million characters at once", async () => {
    for (const text of ["1".repeat(1e6), " ".repeat(1e6), `1${" ".repeat(1e6)}x`, `1.${"1".repeat(1e6)}`]) {
      const refuse = (): void => expect(refusal(() => parseDuration("ttl", text as "1s")).message.length).toBeLessThan(300);
      expect(await calmest(50, () => durationOf(refuse))).toBeLessThan(50);
    }
  });
});

describe("parseByteSize", () => {
  it.each([
    [1, 1],
    [1_000.9, 1_000],
    ["512b", 512],
    ["64kb", 65_536],
    ["500MB", 524_288_000],
    ["10gb", 10_737_418_240],
    ["1tb", 1_099_511_627_776],
    ["1.5kb", 1_536],
  ])("reads %j as %d bytes", (value, bytes) => {
    expect(parseByteSize("maxBytes", value as "1kb")).toBe(bytes);
  });

  it.each([...NO_QUANTITY, 0.5, "0.5b", "0.0001kb", "10s"].map((value) => [value]))("refuses %o", (value) => {
    const error = refusal(() => parseByteSize("memory.maxBytes", value as "1kb"));
    expect(error.option).toBe("memory.maxBytes");
    expect(error.message).toMatch(
      /^Option `memory\.maxBytes` is .+; accepted: a number of bytes of at least 1, or text such as "64kb"/s,
    );
  });
});

describe("parseCount", () => {
  it("takes whole numbers from the least one on", () => {
    expect([parseCount("k", 1), parseCount("k", 0, 0), parseCount("k", Number.MAX_SAFE_INTEGER)]).toEqual([1, 0, 2 ** 53 - 1]);
  });

  it.each([[0], [-1], [1.5], [Number.NaN], [Infinity], [2 ** 53], ["3"], [3n], [null], [undefined], [{}]])(
    "refuses %o",
    (value) => {
      expect(refusal(() => parseCount("k", value)).message).toMatch(
        /^Option `k` is .+; accepted: a whole number of at least 1\.$/,
      );
    },
  );

  it("names the least number that it accepts", () => {
    expect(refusal(() => parseCount("retries", 1, 2)).message).toBe(
      "Option `retries` is 1; accepted: a whole number of at least 2.",
    );
  });
});

describe("parseNumber", () => {
  it("takes both bounds and what lies between", () => {
    expect([0, 0.5, 1].map((value) => parseNumber("traffic", value, 0, 1))).toEqual([0, 0.5, 1]);
  });

  it.each([[-0.001], [1.001], [Number.NaN], [Infinity], ["0.5"], [null], [undefined]])("refuses %o", (value) => {
    expect(refusal(() => parseNumber("traffic", value, 0, 1)).message).toMatch(
      /^Option `traffic` is .+; accepted: a number from 0 to 1\.$/,
    );
  });
});

describe("parseChoice", () => {
  it("takes each choice", () => {
    expect(parseChoice("mode", "serve", ["shadow", "serve"])).toBe("serve");
  });

  it.each([["Serve"], ["serve "], [""], ["toString"], [0], [null], [undefined], [["serve"]]])(
    "refuses %o, naming all",
    (value) => {
      const error = refusal(() => parseChoice("mode", value, ["shadow", "serve"]));
      expect(error.message).toMatch(/^Option `mode` is .+; accepted: "shadow", "serve"\.$/);
    },
  );
});

describe("refuseUnknown", () => {
  it("refuses a misspelt option, naming it, its value and the known ones", () => {
    const error = refusal(() => refuseUnknown("memoryTier", { maxByte: 5 }, ["maxBytes", "eviction"]));
    expect(error.message).toBe("Option `memoryTier.maxByte` is 5; accepted: one of the options maxBytes, eviction.");
  });

  it("does not show a text, which may be a password", () => {
    const error = refusal(() => refuseUnknown("redisTier", { password: "hunter2" }, ["client"]));
    expect(error.message).toBe('Option `redisTier.password` is "…"; accepted: one of the options client.');
  });

  it.each([
    ["nothing", undefined, "undefined"],
    ["null", null, "null"],
    ["a number", 60, "60"],
    ["a text, which may be a URL with a password", "redis://:secret@host", '"…"'],
    ["a list", [{}], "an array of 1"],
    [
      "another thing, such as the cache itself",
      new (class TieredCache {
        keyEncoder = 1;
      })(),
      "an object (TieredCache)",
    ],
  ])("refuses %s in the place of options", (_what, given, shown) => {
    const error = refusal(() => refuseUnknown("cached", given, ["cache", "ttl"]));
    expect(error.message).toBe(`Option \`cached\` is ${shown}; accepted: an object with options of these: cache, ttl.`);
  });

  it("passes known options, and unknown ones that are left undefined", () => {
    expect(() => refuseUnknown("memoryTier", { maxBytes: 5, other: undefined }, ["maxBytes"])).not.toThrow();
  });
});
