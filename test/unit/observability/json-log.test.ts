import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { RunnableLambda } from "@langchain/core/runnables";
import { describe, expect, it, vi } from "vitest";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { manualClock } from "../../../src/core/clock.ts";
import type { StrataEvent } from "../../../src/core/events.ts";
import { correlate } from "../../../src/observability/correlation.ts";
import { fanOut } from "../../../src/observability/fan-out.ts";
import { jsonLog, type LogStream } from "../../../src/observability/json-log.ts";

const FAULT: StrataEvent = {
  ...{ type: "tier.fault", tier: "redis", operation: "get", code: "ENGINE" },
  message: "connect to redis://user:hunter2@cache:6379 failed for key 'my secret question'",
};
const CLEARED: StrataEvent = { type: "cache.cleared", entries: 1 };

/** A stream that says when it is full. */
class Slow extends EventEmitter implements LogStream {
  readonly lines: string[] = [];
  isFull = false;
  write(line: string): boolean {
    this.lines.push(line);
    return !this.isFull;
  }
}

function read(lines: readonly string[]): Record<string, unknown>[] {
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("a JSON log", () => {
  it("is one line an event, with its time", () => {
    const stream = new Slow();
    const log = jsonLog(stream, { clock: manualClock() });
    log(CLEARED);
    log({ type: "cache.bypass", reason: "asked" });
    expect(stream.lines.every((line) => line.endsWith("\n") && line.indexOf("\n") === line.length - 1)).toBe(true);
    expect(read(stream.lines)).toEqual([
      { at: "2023-11-14T22:13:20.000Z", type: "cache.cleared", entries: 1 },
      { at: "2023-11-14T22:13:20.000Z", type: "cache.bypass", reason: "asked" },
    ]);
  });

  it("leaves out what engines say, or cuts the credentials from it", () => {
    const [quiet, talkative] = [new Slow(), new Slow()];
    jsonLog(quiet)(FAULT);
    jsonLog(talkative, { messages: true })(FAULT);
    expect(quiet.lines.join("")).not.toMatch(/hunter2|question|message/);
    expect(read(talkative.lines)[0]?.["message"]).toBe("connect to redis://***@cache:6379 failed for key 'my secret question'");
  });

  it("holds no prompt, answer or scope of a real cache", async () => {
    const stream = new Slow();
    const cache = new TieredCache({
      tiers: [memoryTier()],
      scope: { tenant: "t-canary", user: "u-canary" },
      observer: jsonLog(stream),
    });
    await cache.lookup("prompt-canary", 'model:"m"');
    await cache.update("prompt-canary", 'model:"m",apiKey:"key-canary"', [{ text: "answer-canary" }]);
    await cache.lookup("prompt-canary", 'model:"m"');
    await cache.close();
    expect(stream.lines.length).toBeGreaterThan(2);
    expect(stream.lines.join("")).not.toContain("canary");
  });

  it("ties the lines of one request together", async () => {
    const stream = new Slow();
    const log = jsonLog(stream);
    await Promise.all(
      ["one", "two"].map((id) =>
        correlate(id, async () => {
          await new Promise((resolve) => setImmediate(resolve));
          log(CLEARED);
        }),
      ),
    );
    log(CLEARED);
    expect(read(stream.lines).map(({ correlationId }) => correlationId)).toEqual(["one", "two", undefined]);
  });

  it("takes the id from the config of a runnable", async () => {
    const stream = new Slow();
    const log = jsonLog(stream);
    // With a scope function the cache asks LangChain to make configs known.
    await new TieredCache({ tiers: [memoryTier()], scope: () => undefined }).close();
    await RunnableLambda.from(() => log(CLEARED)).invoke("x", { configurable: { correlation_id: "from-config" } });
    expect(read(stream.lines)).toMatchObject([{ correlationId: "from-config" }]);
  });

  it("drops lines while the stream is full, and says how many afterwards", () => {
    const stream = new Slow();
    const log = jsonLog(stream);
    stream.isFull = true;
    for (let times = 0; times < 1_000; times++) log(CLEARED);
    expect(stream.lines).toHaveLength(1);
    stream.isFull = false;
    stream.emit("drain");
    log(CLEARED);
    expect(read(stream.lines).slice(1)).toMatchObject([{ type: "log.dropped", lines: 999 }, { type: "cache.cleared" }]);
  });

  it("keeps within the buffer of a real stream that nobody reads", () => {
    const stream = new PassThrough({ highWaterMark: 4_096 });
    const log = jsonLog(stream);
    for (let times = 0; times < 100_000; times++) log(CLEARED);
    expect(stream.readableLength + stream.writableLength).toBeLessThan(20_000);
  });

  it("ends when the stream breaks, and says so once", () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const stream = new Slow();
    const log = jsonLog(stream);
    stream.emit("error", new Error("EPIPE"));
    stream.emit("error", new Error("EPIPE"));
    log(CLEARED);
    expect([warn.mock.calls.length, stream.lines.length]).toEqual([1, 0]);
  });

  it("writes only what is asked for", () => {
    const stream = new Slow();
    const log = jsonLog(stream, { only: ({ type }) => type === "tier.fault" });
    log(CLEARED);
    log(FAULT);
    expect(read(stream.lines)).toMatchObject([{ type: "tier.fault" }]);
  });

  it("refuses what is no stream, and ids that could break a line", () => {
    expect(() => jsonLog("log.txt" as never)).toThrow(/a writable stream/);
    expect(() => correlate("a\nb", () => 1)).toThrow(/visible characters/);
  });
});

describe("observers together", () => {
  it("each see every event, also when another throws", () => {
    vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const seen: string[] = [];
    const all = fanOut(
      () => JSON.parse("no") as void,
      undefined,
      ({ type }) => void seen.push(type),
    );
    all(CLEARED);
    all(CLEARED);
    expect(seen).toEqual(["cache.cleared", "cache.cleared"]);
  });
});
