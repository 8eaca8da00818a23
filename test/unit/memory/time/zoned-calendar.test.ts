import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addDays, dayOf, instantOf, isBefore, monthsBefore } from "../../../../src/memory/time/zoned-calendar.ts";

describe("the instant at which a day begins", () => {
  test("is the first one after the gap where midnight is skipped", () => {
    const first = instantOf({ year: 2018, month: 11, day: 4 }, "America/Sao_Paulo");
    expect(new Date(first).toISOString()).toBe("2018-11-04T03:00:00.000Z");
    expect(dayOf(first, "America/Sao_Paulo")).toEqual({ year: 2018, month: 11, day: 4 });
  });

  test("is the first one where midnight comes twice", () => {
    const first = instantOf({ year: 2021, month: 10, day: 29 }, "Asia/Amman");
    expect(new Date(first).toISOString()).toBe("2021-10-28T21:00:00.000Z");
  });

  test("is that of the next day where a whole day is skipped", () => {
    const first = instantOf({ year: 2011, month: 12, day: 30 }, "Pacific/Apia");
    expect(first).toBe(instantOf({ year: 2011, month: 12, day: 31 }, "Pacific/Apia"));
    expect(new Date(first).toISOString()).toBe("2011-12-30T10:00:00.000Z");
  });

  test("is the first of its day, whatever the zone does", () => {
    const zone = fc.constantFrom(
      "UTC",
      "America/Sao_Paulo",
      "Europe/Lisbon",
      "America/Havana",
      "Asia/Kathmandu",
      "Australia/Lord_Howe",
    );
    fc.assert(
      fc.property(zone, fc.integer({ min: 0, max: 20_000 }), (name, days) => {
        const day = addDays({ year: 1980, month: 1, day: 1 }, days);
        const first = instantOf(day, name);
        expect(dayOf(first, name)).toEqual(day);
        expect(isBefore(dayOf(first - 1, name), day)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test("an hour that is skipped is the end of the gap", () => {
    const spring = instantOf({ year: 2026, month: 3, day: 29 }, "Europe/Lisbon", 1);
    expect(new Date(spring).toISOString()).toBe("2026-03-29T01:00:00.000Z");
  });
});

test.each([
  [{ year: 2025, month: 3, day: 31 }, 1, { year: 2025, month: 2, day: 28 }],
  [{ year: 2024, month: 3, day: 30 }, 1, { year: 2024, month: 2, day: 29 }],
  [{ year: 2024, month: 2, day: 29 }, 12, { year: 2023, month: 2, day: 28 }],
  [{ year: 2025, month: 1, day: 31 }, 2, { year: 2024, month: 11, day: 30 }],
  [{ year: 2025, month: 6, day: 18 }, 1, { year: 2025, month: 5, day: 18 }],
])("months before %j: %i", (day, months, before) => {
  expect(monthsBefore(day, months)).toEqual(before);
});
