/**
 * ONNX models in a thread of their own: the runtime loads and computes for milliseconds to seconds, and the event loop is not
 * stopped for it. Tensors go to and fro without a copy.
 *
 * One batch is in the thread at a time, the others wait here: those whose callers have left never start.
 */
import { fileURLToPath } from "node:url";
import { SHARE_ENV, Worker } from "node:worker_threads";
import { onAbort, type CallOptions } from "../core/abort.ts";
import { systemClock, type Clock } from "../core/clock.ts";
import { StrataError } from "../core/errors.ts";
import type { OnnxOutput, OnnxReply, OnnxRequest, OnnxSetup, TokenBatch } from "./onnx-worker.ts";

export type { OnnxOutput, TokenBatch } from "./onnx-worker.ts";

export interface OnnxSessionOptions {
  /** The model's file. */
  readonly file: string;
  /** Of the file, in hexadecimal; verified when it is loaded. Default: not looked at. */
  readonly sha256?: string | undefined;
  /** Threads of the runtime for one batch; default 1, best for single short texts. */
  readonly threads?: number | undefined;
  /** Outputs to take, the first that the model has; default its first. */
  readonly outputs?: readonly string[] | undefined;
  /** Longest time in milliseconds of one batch in the thread, the load included; then the thread is taken for stuck and replaced. */
  readonly deadlineMs?: number | undefined;
  /** Batches that may wait; default 1024. */
  readonly maxQueued?: number | undefined;
  readonly clock?: Clock | undefined;
}

export interface OnnxSession {
  /**
   * Runs one batch. The arrays of the batch are empty afterwards. When the signal aborts the caller is let go at once; a batch
   * that is in the thread is computed and thrown away.
   * @throws {@link StrataError} `MISSING_PEER`, `UNAVAILABLE` (unreadable, not a model, or the thread ended), `CORRUPT` (checksum),
   *   `TIMEOUT`, `QUEUE_FULL`, `CLOSED`. After any of them the next call starts anew.
   */
  run(batch: TokenBatch, options?: CallOptions): Promise<OnnxOutput>;
  /** Ends the thread; what waits is refused. */
  close(): Promise<void>;
}

interface Job {
  readonly batch: TokenBatch;
  readonly settle: (outcome: OnnxOutput | Error) => void;
}

/** A thread, until it ends or is given up. */
interface Thread {
  readonly worker: Worker;
  readonly ended: Promise<void>;
}

const DEADLINE_MS = 60_000;
const MAX_QUEUED = 1024;
/** For a thread that was asked to leave, to finish its batch. */
const LEAVE_MS = 5_000;

export function onnxSession(options: OnnxSessionOptions): OnnxSession {
  const { clock = systemClock, deadlineMs = DEADLINE_MS, maxQueued = MAX_QUEUED } = options;
  const waiting = new Set<Job>();
  let thread: Thread | undefined;
  let running: { readonly job: Job; readonly cancelDeadline: () => void } | undefined;
  let closing: Promise<void> | undefined;

  function pump(): void {
    const [job] = waiting;
    if (running !== undefined) return;
    if (job === undefined) {
      // An idle thread does not keep the process alive.
      thread?.worker.unref();
      return;
    }
    waiting.delete(job);
    thread ??= start();
    thread.worker.ref();
    const cancelDeadline = clock.setTimer(deadlineMs, () => {
      giveUp(new StrataError("TIMEOUT", `The model ${options.file} did not answer within ${deadlineMs} ms.`));
      pump();
    });
    running = { job, cancelDeadline };
    const { ids, mask, types } = job.batch;
    thread.worker.postMessage(job.batch satisfies OnnxRequest, [ids.buffer, mask.buffer, types.buffer]);
  }

  /** Ends the batch that runs, if one does. */
  function settleRunning(outcome: OnnxOutput | Error): void {
    running?.cancelDeadline();
    running?.job.settle(outcome);
    running = undefined;
  }

  /** Lets the thread go; the next batch gets another one. */
  function giveUp(error: Error): void {
    const { worker } = thread ?? {};
    thread = undefined;
    settleRunning(error);
    worker?.removeAllListeners("message");
    if (worker !== undefined) dismiss(worker);
  }

  /** What waits would meet the same thread or file: it is told now, and the next call tries anew. */
  function failAll(error: Error): void {
    giveUp(error);
    for (const job of waiting) job.settle(error);
    waiting.clear();
  }

  function start(): Thread {
    const { file, sha256, threads = 1, outputs = [] } = options;
    const busy = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const worker = startThread({ file, sha256, threads, outputs, busy });
    const release = beforeExit(busy);
    const ended = new Promise<void>((resolve) => {
      worker.once("exit", () => {
        release();
        resolve();
      });
    });
    const isCurrent = (): boolean => thread?.worker === worker;
    worker.on("message", (reply: OnnxReply) => {
      if (reply.kind === "ready" || !isCurrent()) return;
      if (reply.kind === "output") settleRunning(reply.output);
      else if (reply.isFatal) return failAll(new StrataError(reply.code, reply.message));
      else settleRunning(new StrataError(reply.code, reply.message));
      pump();
    });
    worker.once("error", (cause: Error) => {
      if (isCurrent())
        failAll(new StrataError("UNAVAILABLE", `The thread of the model ${file} ended: ${cause.message}`, { cause }));
    });
    worker.once("exit", (code) => {
      if (isCurrent()) failAll(new StrataError("UNAVAILABLE", `The thread of the model ${file} ended with code ${code}.`));
    });
    return { worker, ended };
  }

  return {
    run(batch, { signal } = {}) {
      if (closing !== undefined) return Promise.reject(new StrataError("CLOSED", "The model is closed."));
      if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
      if (waiting.size >= maxQueued) {
        return Promise.reject(new StrataError("QUEUE_FULL", `${maxQueued} batches wait for the model ${options.file}.`));
      }
      return new Promise((resolve, reject) => {
        const job: Job = {
          batch,
          settle(outcome) {
            release?.();
            if (outcome instanceof Error) reject(outcome);
            else resolve(outcome);
          },
        };
        const release =
          signal &&
          onAbort(signal, () => {
            waiting.delete(job);
            reject(signal.reason as Error);
          });
        waiting.add(job);
        pump();
      });
    },
    close() {
      closing ??= (async () => {
        const last = thread;
        thread = undefined;
        const error = new StrataError("CLOSED", "The model was closed.");
        settleRunning(error);
        for (const job of waiting) job.settle(error);
        waiting.clear();
        if (last === undefined) return;
        dismiss(last.worker);
        await new Promise<void>((resolve) => {
          const cancel = clock.setTimer(LEAVE_MS, resolve);
          void last.ended.then(() => {
            cancel();
            resolve();
          });
        });
      })();
      return closing;
    },
  };
}

/**
 * Asks a thread to leave when its batch is done. Never `terminate()`: it ends the whole process when it comes while the runtime's own
 * code runs (an uncaught `Napi::Error`, seen with onnxruntime-node 1.30). A thread that hangs for ever stays, and is not waited for.
 */
function dismiss(worker: Worker): void {
  worker.postMessage("end" satisfies OnnxRequest, []);
  worker.unref();
}

/** The threads of this process that may be in the runtime's own code. */
const busyThreads = new Set<Int32Array<SharedArrayBuffer>>();

/** `process.exit()` terminates threads too, so it waits for a batch that runs. The returned function takes that back. */
function beforeExit(busy: Int32Array<SharedArrayBuffer>): () => void {
  if (busyThreads.size === 0) process.on("exit", waitForThreads);
  busyThreads.add(busy);
  return () => {
    busyThreads.delete(busy);
    if (busyThreads.size === 0) process.off("exit", waitForThreads);
  };
}

function waitForThreads(): void {
  for (const busy of busyThreads) Atomics.wait(busy, 0, 1, LEAVE_MS);
}

/** Both builds share the ESM file. In a checkout the program is TypeScript, which a thread of Node 20 runs only through a loader. */
function startThread(workerData: OnnxSetup): Worker {
  const inCheckout = import.meta.url.endsWith(".ts");
  // Flags of the host's own program, such as --input-type, would refuse or change this one.
  if (!inCheckout) return new Worker(new URL("./onnx-worker.js", import.meta.url), { workerData, execArgv: [], env: SHARE_ENV });
  const program = JSON.stringify(fileURLToPath(new URL("./onnx-worker.ts", import.meta.url)));
  return new Worker(`require("tsx/cjs"); require(${program});`, { eval: true, workerData, env: SHARE_ENV });
}
