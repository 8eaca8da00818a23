import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { afterEach, describe, expect, test } from "vitest";
import { onnxSession, type OnnxSession, type OnnxSessionOptions, type TokenBatch } from "../../../src/clients/onnx-session.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { tokenBatch } from "../../../src/embeddings/token-batches.ts";

const FILE = fileURLToPath(new URL("../../../models/minilm/onnx/model_quantized.onnx", import.meta.url));
const sessions: OnnxSession[] = [];
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.close()));
});

function open(options: Partial<OnnxSessionOptions> = {}): OnnxSession {
  const session = onnxSession({ file: FILE, ...options });
  sessions.push(session);
  return session;
}

function batch(...rows: number[][]): TokenBatch {
  return tokenBatch(
    rows.map((ids) => ({ ids, isKnown: true })),
    0,
  );
}

describe("an ONNX session", () => {
  test("gives a vector a token, and takes the memory of the batch instead of copying it", async () => {
    const sent = batch([101, 2000, 102], [101, 2000, 2001, 102]);
    const output = await open().run(sent);
    expect(output.dimensions).toEqual([2, 4, 384]);
    expect(output.data).toHaveLength(2 * 4 * 384);
    expect(output.data.every(Number.isFinite)).toBe(true);
    expect(sent.ids).toHaveLength(0);
  });

  test("answers many calls, each with its own", async () => {
    const session = open();
    const outputs = await Promise.all(
      [1, 2, 3, 4, 5].map((rows) => session.run(batch(...Array.from({ length: rows }, () => [101, 102])))),
    );
    expect(outputs.map(({ dimensions }) => dimensions[0])).toEqual([1, 2, 3, 4, 5]);
  });

  test("fails one batch that the model refuses, and goes on", async () => {
    const session = open();
    const refused = session.run(batch([101, 10_000_000, 102]));
    const next = session.run(batch([101, 102]));
    await expect(refused).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect((await next).dimensions).toEqual([1, 2, 384]);
  });

  test("lets a caller go who leaves, and never starts what had not begun", async () => {
    const session = open();
    const reason = new Error("left");
    const leaving = new AbortController();
    const first = session.run(batch([101, 102]), { signal: leaving.signal });
    const unborn = batch([101, 102]);
    const second = session.run(unborn, { signal: leaving.signal });
    const third = session.run(batch([101, 102]));
    leaving.abort(reason);
    await expect(first).rejects.toBe(reason);
    await expect(second).rejects.toBe(reason);
    expect((await third).dimensions).toEqual([1, 2, 384]);
    expect(unborn.ids).toHaveLength(2);
    await expect(session.run(batch([101]), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test("refuses what its queue cannot hold", async () => {
    const session = open({ maxQueued: 1 });
    const [running, waiting] = [session.run(batch([101, 102])), session.run(batch([101, 102]))];
    await expect(session.run(batch([101, 102]))).rejects.toMatchObject({ code: "QUEUE_FULL" });
    expect(await Promise.all([running, waiting])).toHaveLength(2);
  });

  test("replaces a thread that does not answer in time, and serves who waited", async () => {
    const clock = manualClock();
    const session = open({ clock, deadlineMs: 1_000 });
    const stuck = session.run(batch([101, 102]));
    const next = session.run(batch([101, 2000, 102]));
    const outcome = expect(stuck).rejects.toMatchObject({
      code: "TIMEOUT",
      message: expect.stringContaining("1000 ms") as string,
    });
    await clock.advance(1_000);
    await outcome;
    expect((await next).dimensions).toEqual([1, 3, 384]);
    expect(clock.pending).toBe(0);
  });

  test("says why a file does not load, and tries again at the next call", async () => {
    const folder = mkdtempSync(join(tmpdir(), "strata-onnx-"));
    try {
      const file = join(folder, "model.onnx");
      const session = open({ file });
      const calls = [session.run(batch([101, 102])), session.run(batch([101, 102]))];
      for (const call of calls) await expect(call).rejects.toMatchObject({ code: "UNAVAILABLE" });
      writeFileSync(file, "no model");
      await expect(session.run(batch([101, 102]))).rejects.toThrow(file);
      const checked = open({ file, sha256: "0".repeat(64) });
      await expect(checked.run(batch([101, 102]))).rejects.toMatchObject({ code: "CORRUPT" });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("tells everybody when its thread dies, and starts another one at the next call", async () => {
    const session = open();
    const started = once(process, "worker") as Promise<[Worker]>;
    const calls = [session.run(batch([101, 102])), session.run(batch([101, 102]))];
    const told = calls.map((call) => expect(call).rejects.toMatchObject({ code: "UNAVAILABLE" }));
    const [worker] = await started;
    await worker.terminate();
    await Promise.all(told);
    expect((await session.run(batch([101, 102]))).dimensions).toEqual([1, 2, 384]);
  });

  test("refuses what waits when it is closed, and every call after", async () => {
    const session = open();
    const calls = [session.run(batch([101, 102])), session.run(batch([101, 102]))].map((call) =>
      expect(call).rejects.toMatchObject({ code: "CLOSED" }),
    );
    await Promise.all([session.close(), session.close(), ...calls]);
    await expect(session.run(batch([101, 102]))).rejects.toMatchObject({ code: "CLOSED" });
  });
});
