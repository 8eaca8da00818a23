import { describe, expect, it, vi } from "vitest";
import { manualClock } from "../../../src/core/clock.ts";
import { WriteBehind, type WriteBehindOptions } from "../../../src/core/write-behind.ts";
import { Engine, turn, type Item } from "./write-behind-engine.ts";

function queue(engine: Engine, options: Partial<WriteBehindOptions<Item>> = {}): WriteBehind<Item> {
  return new WriteBehind<Item>({
    write: engine.write,
    sizeOf: ({ size }) => size,
    maxBytes: 1_000,
    onError: (error, batch) => engine.givenUp.push({ error, batch }),
    ...options,
  });
}

const item = (key: string, version = 1, size = 10): Item => ({ key, version, size });

describe("batches", () => {
  it("writes what one turn puts as one batch, and not before the caller's own work is done", async () => {
    const engine = new Engine();
    const behind = queue(engine);
    for (const key of ["a", "b", "c"]) behind.put(key, item(key));
    await Promise.resolve();
    expect(engine.batches).toEqual([]);
    await turn();
    expect(engine.batches).toEqual([[item("a"), item("b"), item("c")]]);
  });

  it("gathers what comes while a batch is being written into the next one, one value a key", async () => {
    const engine = new Engine();
    const behind = queue(engine);
    behind.put("a", item("a"));
    await turn();
    for (let version = 1; version <= 100; version++) behind.put("b", item("b", version));
    behind.put("c", item("c"));
    expect([behind.size, behind.bytes]).toEqual([3, 30]);
    await engine.finish();
    expect(engine.batches).toEqual([[item("a")], [item("b", 100), item("c")]]);
    await engine.finish();
    await behind.drain();
    expect([behind.size, behind.bytes]).toEqual([0, 0]);
  });

  it("never has two batches under way, and keeps each to its bound", async () => {
    const engine = new Engine();
    const behind = queue(engine, { maxBatch: 4 });
    for (let index = 0; index < 10; index++) behind.put(`k${index}`, item(`k${index}`));
    const drained = behind.drain();
    while (behind.size > 0) {
      await turn();
      expect(engine.underWay).toBeLessThanOrEqual(1);
      await engine.finish();
    }
    await drained;
    expect(engine.batches.map((batch) => batch.length)).toEqual([4, 4, 2]);
    expect(engine.batches.flat().map(({ key }) => key)).toEqual(Array.from({ length: 10 }, (_each, index) => `k${index}`));
  });
});

describe("spacing", () => {
  const spaced = (engine: Engine, options: Partial<WriteBehindOptions<Item>> = {}) => {
    const clock = manualClock();
    return { clock, behind: queue(engine, { clock, spacingMs: 5, ...options }) };
  };

  it("writes at once after a pause, and gathers what follows until so long after the batch before", async () => {
    const engine = new Engine();
    const { clock, behind } = spaced(engine);
    behind.put("a", item("a"));
    await turn();
    await engine.finish();
    for (const key of ["b", "c", "d"]) {
      behind.put(key, item(key));
      await clock.advance(1);
    }
    expect(engine.batches).toEqual([[item("a")]]);
    await clock.advance(2);
    expect(engine.batches).toEqual([[item("a")], [item("b"), item("c"), item("d")]]);
    await engine.finish();
    await clock.advance(5);
    behind.put("e", item("e"));
    await turn();
    expect(engine.batches.at(-1)).toEqual([item("e")]);
  });

  it("does not keep waiting who drains, nor a batch that is full", async () => {
    const engine = new Engine();
    const { clock, behind } = spaced(engine, { maxBatch: 2 });
    behind.put("a", item("a"));
    await turn();
    await engine.finish();
    for (const key of ["b", "c"]) {
      behind.put(key, item(key));
      await turn();
    }
    expect(engine.batches.at(-1)).toEqual([item("b"), item("c")]);
    await engine.finish();
    behind.put("d", item("d"));
    await turn();
    const drained = behind.drain();
    await turn();
    expect(engine.batches.at(-1)).toEqual([item("d")]);
    await engine.finish();
    await drained;
    expect(clock.pending).toBe(0);
  });

  it("writes nothing where all that waited was withdrawn", async () => {
    const engine = new Engine();
    const { clock, behind } = spaced(engine);
    behind.put("a", item("a"));
    await turn();
    await engine.finish();
    behind.put("b", item("b"));
    await turn();
    expect(await behind.withdraw(() => true)).toBe(1);
    await clock.advance(10);
    expect([engine.batches.length, behind.size]).toEqual([1, 0]);
  });
});

describe("bounds", () => {
  it("refuses with QUEUE_FULL what does not fit any more, and says how full it is", async () => {
    const engine = new Engine();
    const behind = queue(engine, { maxBytes: 25 });
    behind.put("a", item("a"));
    await turn();
    behind.put("b", item("b"));
    expect(() => behind.put("c", item("c"))).toThrow(
      expect.objectContaining({ code: "QUEUE_FULL", message: "2 writes wait with 20 of 25 bytes; no more are taken." }),
    );
    expect([behind.get("c"), behind.size, behind.bytes]).toEqual([undefined, 2, 20]);
    await engine.finish();
    behind.put("c", item("c"));
    expect(behind.bytes).toBe(20);
  });

  it("takes what fits to the byte, and refuses a value larger than all of it", () => {
    const behind = queue(new Engine(), { maxBytes: 25 });
    expect(() => behind.put("a", item("a", 1, 26))).toThrow(expect.objectContaining({ code: "QUEUE_FULL" }));
    behind.put("a", item("a", 1, 25));
    expect(behind.bytes).toBe(25);
  });

  it("counts a replacement by what it adds", () => {
    const behind = queue(new Engine(), { maxBytes: 25 });
    behind.put("a", item("a", 1, 20));
    behind.put("a", item("a", 2, 25));
    expect(behind.bytes).toBe(25);
    expect(() => behind.put("a", item("a", 3, 26))).toThrow(expect.objectContaining({ code: "QUEUE_FULL" }));
    behind.put("a", item("a", 4, 5));
    expect([behind.bytes, behind.get("a")?.version]).toEqual([5, 4]);
  });
});

describe("get", () => {
  it("sees what waits and what is being written, the newest first, and nothing that is written", async () => {
    const engine = new Engine();
    const behind = queue(engine);
    behind.put("a", item("a", 1));
    expect(behind.get("a")?.version).toBe(1);
    await turn();
    expect([engine.underWay, behind.get("a")?.version]).toEqual([1, 1]);
    behind.put("a", item("a", 2));
    expect(behind.get("a")?.version).toBe(2);
    await engine.finish();
    expect(behind.get("a")?.version).toBe(2);
    await engine.finish();
    expect([behind.get("a"), engine.stored.get("a")?.version]).toEqual([undefined, 2]);
  });
});

describe("withdraw", () => {
  it("takes back what waits, tells how many, and leaves the others", async () => {
    const engine = new Engine();
    const behind = queue(engine);
    for (const key of ["a", "b", "c"]) behind.put(key, item(key));
    expect(await behind.withdraw((_value, key) => key !== "b")).toBe(2);
    expect([behind.size, behind.bytes, behind.get("a")]).toEqual([1, 10, undefined]);
    await engine.finish();
    expect(engine.batches).toEqual([[item("b")]]);
  });

  it("resolves only when what is being written has been written, so that a deletion after it is final", async () => {
    const engine = new Engine();
    const behind = queue(engine);
    behind.put("a", item("a"));
    await turn();
    let withdrawn: number | undefined;
    const withdrawal = behind.withdraw((_value, key) => key === "a").then((count) => (withdrawn = count));
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(withdrawn).toBeUndefined();
    await engine.finish();
    await withdrawal;
    engine.stored.delete("a");
    await behind.drain();
    expect([withdrawn, engine.stored.size, behind.get("a")]).toEqual([0, 0, undefined]);
  });

  it("waits for a write that fails too, and not for one that is none of its business", async () => {
    const engine = new Engine();
    const behind = queue(engine);
    behind.put("a", item("a"));
    await turn();
    expect(await behind.withdraw((_value, key) => key === "b")).toBe(0);
    const withdrawal = behind.withdraw(() => true);
    await engine.finish(new Error("down"));
    expect(await withdrawal).toBe(0);
    expect(engine.stored.size).toBe(0);
  });

  it("costs no turns of the event loop while it waits", async () => {
    const engine = new Engine();
    const behind = queue(engine);
    behind.put("a", item("a"));
    await turn();
    const immediates = vi.spyOn(globalThis, "setImmediate");
    const withdrawal = behind.withdraw(() => true);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(immediates.mock.calls.length).toBeLessThanOrEqual(5);
    immediates.mockRestore();
    await engine.finish();
    await withdrawal;
  });
});

describe("drain", () => {
  it("resolves at once when nothing waits", async () => {
    await queue(new Engine()).drain();
  });

  it("waits for what came while it waited", async () => {
    const engine = new Engine();
    const behind = queue(engine);
    behind.put("a", item("a"));
    await turn();
    let drained = false;
    const drain = behind.drain().then(() => (drained = true));
    behind.put("b", item("b"));
    await engine.finish();
    expect([drained, engine.underWay]).toEqual([false, 1]);
    await engine.finish();
    await drain;
    expect([...engine.stored.keys()]).toEqual(["a", "b"]);
  });
});

describe("a failed batch", () => {
  it("is told once with its values, given up, and does not stop the next", async () => {
    const engine = new Engine();
    const behind = queue(engine);
    behind.put("a", item("a"));
    behind.put("b", item("b"));
    await turn();
    behind.put("c", item("c"));
    await engine.finish(new Error("disk full"));
    expect(engine.givenUp).toEqual([{ error: new Error("disk full"), batch: [item("a"), item("b")] }]);
    expect([behind.get("a"), behind.bytes]).toEqual([undefined, 10]);
    await engine.finish();
    await behind.drain();
    expect([...engine.stored.keys()]).toEqual(["c"]);
    expect([behind.size, behind.bytes]).toEqual([0, 0]);
  });

  it("is told in the same way when the write throws at once", async () => {
    const engine = new Engine();
    const behind = queue(engine, {
      write: () => {
        throw new Error("at once");
      },
    });
    behind.put("a", item("a"));
    await behind.drain();
    expect(engine.givenUp).toEqual([{ error: new Error("at once"), batch: [item("a")] }]);
    expect(behind.bytes).toBe(0);
  });

  it("leaves the queue in order even when the one who is told throws", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const engine = new Engine();
    const behind = queue(engine, {
      onError: () => {
        throw new Error("observer");
      },
    });
    behind.put("a", item("a"));
    await engine.finish(new Error("down"));
    await turn();
    process.off("unhandledRejection", unhandled);
    expect(unhandled).toHaveBeenCalledOnce();
    expect([behind.size, behind.bytes]).toEqual([0, 0]);
    behind.put("b", item("b"));
    await engine.finish();
    await behind.drain();
    expect([...engine.stored.keys()]).toEqual(["b"]);
  });
});
