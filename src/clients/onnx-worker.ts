/** The program of the thread behind `onnxSession`: one model, one batch after the other. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import type * as onnxruntime from "onnxruntime-node";
import type { StrataErrorCode } from "../core/errors.ts";

export interface OnnxSetup {
  readonly file: string;
  readonly sha256: string | undefined;
  readonly threads: number;
  /** Outputs to take, the first that the model has; otherwise its first. */
  readonly outputs: readonly string[];
  /** 1 while the runtime's own code runs, which must not be torn down. */
  readonly busy: Int32Array<SharedArrayBuffer>;
}

/** Rows of token ids, padded to one length; row after row. Its memory goes to the thread. */
export interface TokenBatch {
  readonly rows: number;
  readonly columns: number;
  readonly ids: BigInt64Array<ArrayBuffer>;
  /** 1 for a token, 0 for padding. */
  readonly mask: BigInt64Array<ArrayBuffer>;
  /** 0 for the first text of a pair, 1 for the second. */
  readonly types: BigInt64Array<ArrayBuffer>;
}

/** A tensor of the model, row after row. */
export interface OnnxOutput {
  readonly data: Float32Array<ArrayBuffer>;
  readonly dimensions: readonly number[];
}

/** `"end"`: finish the batch that runs, then leave. */
export type OnnxRequest = TokenBatch | "end";

export type OnnxReply =
  | { readonly kind: "ready" }
  | { readonly kind: "output"; readonly output: OnnxOutput }
  /** Without a model nothing can go on: the thread leaves after `isFatal`. */
  | { readonly kind: "failed"; readonly code: StrataErrorCode; readonly message: string; readonly isFatal: boolean };

/** What goes wrong in the thread and has a code; errors lose their class on the way to another thread. */
class Failure extends Error {
  readonly code: StrataErrorCode;

  constructor(code: StrataErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

type Run = (batch: TokenBatch) => Promise<OnnxOutput>;

const setup = workerData as OnnxSetup;
const port = parentPort;
if (port !== null) {
  const say = (reply: OnnxReply, transfer: ArrayBuffer[] = []): void => port.postMessage(reply, transfer);
  const loading = busily(() => load(setup));
  let last: Promise<unknown> = loading.then(
    () => say({ kind: "ready" }),
    (error: unknown) => {
      say(failed(error, true));
      port.close();
    },
  );
  port.on("message", (request: OnnxRequest) => {
    last = last.then(async () => {
      if (request === "end") return port.close();
      try {
        const run = await loading;
        const output = await busily(() => run(request));
        say({ kind: "output", output }, [output.data.buffer]);
      } catch (error) {
        say(failed(error, false));
      }
    });
  });
}

async function busily<T>(work: () => Promise<T>): Promise<T> {
  Atomics.store(setup.busy, 0, 1);
  try {
    return await work();
  } finally {
    Atomics.store(setup.busy, 0, 0);
    Atomics.notify(setup.busy, 0);
  }
}

async function load({ file, sha256, threads, outputs }: OnnxSetup): Promise<Run> {
  verify(file, sha256);
  const { env, InferenceSession, Tensor } = await loadRuntime();
  // What fails is thrown as well; a library has nothing to say on its host's stderr.
  env.logLevel = "fatal";
  // One batch at a time and nothing beside it: a pool that spins while it waits takes a core from the process for nothing.
  const session = await InferenceSession.create(file, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    logSeverityLevel: 4,
  });
  const output = outputs.find((name) => session.outputNames.includes(name)) ?? session.outputNames[0] ?? "";
  return async ({ rows, columns, ids, mask, types }) => {
    const inputs: Record<string, BigInt64Array> = { input_ids: ids, attention_mask: mask, token_type_ids: types };
    const feeds: Record<string, onnxruntime.Tensor> = {};
    for (const name of session.inputNames) {
      const input = inputs[name];
      if (input === undefined) throw new Failure("UNAVAILABLE", `The model ${file} asks for the input ${name}.`);
      feeds[name] = new Tensor("int64", input, [rows, columns]);
    }
    const tensor = (await session.run(feeds, [output], { logSeverityLevel: 4 }))[output];
    if (!(tensor?.data instanceof Float32Array)) {
      throw new Failure("UNAVAILABLE", `The model ${file} gives ${tensor?.type ?? "nothing"}, not float32.`);
    }
    return { data: tensor.data as Float32Array<ArrayBuffer>, dimensions: tensor.dims };
  };
}

function verify(file: string, sha256: string | undefined): void {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new Failure("UNAVAILABLE", `The model's file ${file} cannot be read: ${messageOf(error)}`);
  }
  if (sha256 === undefined) return;
  const actual = createHash("sha256").update(bytes).digest("hex");
  if (actual !== sha256) {
    const which = "it is damaged or another model's. Install it again, or name its own checksum.";
    throw new Failure("CORRUPT", `The model's file ${file} has the SHA-256 ${actual}, not ${sha256}: ${which}`);
  }
}

async function loadRuntime(): Promise<typeof onnxruntime> {
  try {
    // The runtime (seen in 1.30) reports each session to its maker over the network, and writes a log of that to the folder for
    // temporary files. It asks for this name when it is loaded; the thread shares the environment of its process, so that a
    // native library sees it. Who wants the reports sets it to "0" before.
    // oxlint-disable-next-line node/no-process-env
    process.env["ORT_DISABLE_TELEMETRY"] ??= "1";
    return await import("onnxruntime-node");
  } catch (error) {
    const install = "npm install onnxruntime-node (without a network beside npm: ONNXRUNTIME_NODE_INSTALL=skip npm install …)";
    throw new Failure("MISSING_PEER", `This model needs the package onnxruntime-node: ${install}. ${messageOf(error)}`);
  }
}

function failed(error: unknown, isFatal: boolean): OnnxReply {
  const code = error instanceof Failure ? error.code : "UNAVAILABLE";
  const message = error instanceof Failure ? error.message : `The model ${setup.file} failed: ${messageOf(error)}`;
  return { kind: "failed", code, message, isFatal };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
