import { describe, expect, it, vi } from "vitest";
import { guardObserver, type Observer, type StrataEvent } from "../../../src/core/events.ts";

const EVENT: StrataEvent = { type: "cache.bypass", reason: "asked" };

/** The warnings that are emitted from now on, without printing them. */
function warnings(): readonly unknown[][] {
  return vi.spyOn(process, "emitWarning").mockImplementation(() => undefined).mock.calls;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("guardObserver", () => {
  it("gives nothing for nobody, so that no event is built", () => {
    expect(guardObserver(undefined)).toBeUndefined();
  });

  it("hands over every event, as it is", () => {
    const seen: StrataEvent[] = [];
    const emit = guardObserver((event) => void seen.push(event));
    emit?.(EVENT);
    emit?.(EVENT);
    expect(seen).toEqual([EVENT, EVENT]);
    expect(seen[0]).toBe(EVENT);
  });

  it("reports what the observer throws once, as a warning, and goes on calling it", () => {
    const calls = warnings();
    let seen = 0;
    const emit = guardObserver(() => {
      seen++;
      throw new Error(`broken ${seen}`);
    });
    for (let event = 0; event < 3; event++) emit?.(EVENT);
    expect(seen).toBe(3);
    expect(calls).toEqual([[expect.stringContaining("broken 1"), { code: "STRATA_OBSERVER" }]]);
  });

  it("reports for each observer apart", () => {
    const calls = warnings();
    const throwing = (): Observer => () => {
      throw new Error("broken");
    };
    guardObserver(throwing())?.(EVENT);
    guardObserver(throwing())?.(EVENT);
    expect(calls).toHaveLength(2);
  });

  // Each of these would otherwise end the process as an unhandled rejection.
  it("reports an asynchronous observer that rejects, once", async () => {
    const calls = warnings();
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const asynchronous: () => unknown = async () => {
      await Promise.resolve();
      throw new Error("late");
    };
    const emit = guardObserver(asynchronous);
    emit?.(EVENT);
    emit?.(EVENT);
    await turn();
    await turn();
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    expect(calls).toEqual([[expect.stringContaining("late"), { code: "STRATA_OBSERVER" }]]);
  });

  it.each([
    ["an object that is no text", Object.create(null)],
    ["a symbol", Symbol("s")],
    ["nothing", undefined],
    ["an error whose message throws", Object.defineProperty(new Error("m"), "message", { get: () => Symbol("s") })],
    [
      "an object whose text throws",
      {
        toString: () => {
          throw new Error("m");
        },
      },
    ],
  ])("survives an observer that throws %s", (_what, thrown) => {
    const calls = warnings();
    const emit = guardObserver(() => {
      throw thrown;
    });
    expect(() => emit?.(EVENT)).not.toThrow();
    expect(calls).toHaveLength(1);
  });
});
