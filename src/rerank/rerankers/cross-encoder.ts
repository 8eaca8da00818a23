import { existsSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { onnxSession, type OnnxSession } from "../../clients/onnx-session.ts";
import { systemClock, type Clock } from "../../core/clock.ts";
import { StrataConfigError, StrataError } from "../../core/errors.ts";
import { parseChoice, parseCount, parseDuration, refuseUnknown, type Duration } from "../../core/options.ts";
import { planBatches, tokenBatch } from "../../embeddings/token-batches.ts";
import { jsonTokenizer } from "../../embeddings/tokenizers.ts";
import type { EncodedText, Tokenizer } from "../../embeddings/tokenizer.ts";
import { sharedTurns } from "../../embeddings/turns.ts";
import { acceptCall } from "../accepted-call.ts";
import { bestFirst, type Reranker } from "../reranker.ts";
import { chunksOf } from "./chunks.ts";

export interface CrossEncoderOptions {
  /** A folder with `tokenizer.json` and the ONNX file. */
  readonly path: string;
  /** The ONNX file in it; default the first of `onnx/model_quantized.onnx`, `onnx/model_int8.onnx`, `onnx/model.onnx`, `model.onnx`. */
  readonly file?: string | undefined;
  /** SHA-256 of the ONNX file in hexadecimal; another file is refused. Default: not looked at. */
  readonly sha256?: string | undefined;
  /** Tokens of a pair that are read; default 256. A longer text is read in pieces, and its best piece counts. */
  readonly maxTokens?: number | undefined;
  /** Characters of a piece; default three a token of `maxTokens`. */
  readonly chunk?: number | undefined;
  /** What the model gives: `"logit"` (default, as cross-encoders do) or `"probability"` when it ends with a sigmoid. */
  readonly scoreKind?: "logit" | "probability" | undefined;
  /** Threads for one batch; default 1. */
  readonly threads?: number | undefined;
  /** Longest time of one batch, the load included; default `"60s"`. */
  readonly deadline?: Duration | undefined;
  readonly clock?: Clock | undefined;
}

const OPTIONS = ["path", "file", "sha256", "maxTokens", "chunk", "scoreKind", "threads", "deadline", "clock"];
const ONNX_FILES = ["onnx/model_quantized.onnx", "onnx/model_int8.onnx", "onnx/model.onnx", "model.onnx"] as const;
const QUANTIZED = /quant|int8|q8|uint8/i;

/**
 * Reranks with a cross-encoder of yours, in this process: any model of pairs as ONNX with one number a pair. Needs `onnxruntime-node`
 * and `@huggingface/tokenizers`. The scores are the model's own numbers, never through a softmax, which makes 1 of every single logit.
 *
 * Pairs are sorted by length and run in batches of about 2,000 tokens, in a thread of their own; a model of 8 bits runs each pair alone,
 * because its numbers depend on the batch.
 * @throws {@link StrataConfigError} naming the option
 */
export function crossEncoderReranker(options: CrossEncoderOptions): Reranker & { close(): Promise<void> } {
  const { folder, file } = locate(options);
  const { clock = systemClock, sha256 } = options;
  const maxTokens = parseCount("crossEncoderReranker.maxTokens", options.maxTokens ?? 256, 8);
  const chunk = parseCount("crossEncoderReranker.chunk", options.chunk ?? maxTokens * 3, 16);
  const threads = parseCount("crossEncoderReranker.threads", options.threads ?? 1);
  const deadlineMs = parseDuration("crossEncoderReranker.deadline", options.deadline ?? "60s");
  const scoreKind = parseChoice("crossEncoderReranker.scoreKind", options.scoreKind ?? "logit", ["logit", "probability"]);
  const batchTokens = QUANTIZED.test(file) ? 0 : undefined;
  const session: OnnxSession = onnxSession({ file, sha256, threads, deadlineMs, outputs: ["logits"] });
  let loading: Promise<Tokenizer> | undefined;

  function tokenizer(): Promise<Tokenizer> {
    loading ??= jsonTokenizer(folder, maxTokens).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  }

  return {
    name: "cross-encoder",
    model: `${basename(folder)}/${basename(file)} ${sha256 ?? ""} ${maxTokens} ${chunk}`,
    scoreKind,
    async rerank(query, texts, call = {}) {
      acceptCall(query, texts, call);
      if (texts.length === 0) return [];
      const tokens = await tokenizer();
      const turn = sharedTurns(clock);
      const pairs: EncodedText[] = [];
      const owners: number[] = [];
      for (const [index, text] of texts.entries()) {
        for (const piece of chunksOf(text, chunk)) {
          await turn();
          call.signal?.throwIfAborted();
          pairs.push(tokens.encode(query.slice(0, chunk), piece));
          owners.push(index);
        }
      }
      const best = Array.from<number>({ length: texts.length }).fill(-Infinity);
      for (const batch of planBatches(pairs, batchTokens)) {
        const rows = batch.map((index) => pairs[index] as EncodedText);
        const { data } = await session.run(tokenBatch(rows, tokens.padding), { signal: call.signal });
        if (data.length !== rows.length) throw notAPairModel(file, data.length / rows.length);
        for (const [row, index] of batch.entries()) {
          const owner = owners[index] as number;
          best[owner] = Math.max(best[owner] as number, data[row] as number);
        }
      }
      return bestFirst(best, call.topK);
    },
    close: () => session.close(),
  };
}

function locate(options: CrossEncoderOptions): { readonly folder: string; readonly file: string } {
  refuseUnknown("crossEncoderReranker", options, OPTIONS);
  const { path, sha256 } = options;
  if (typeof path !== "string" || statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new StrataConfigError("crossEncoderReranker.path", path, "a folder that is there");
  }
  const folder = resolve(path);
  const file = options.file ?? ONNX_FILES.find((name) => existsSync(join(folder, name)));
  if (file === undefined || !existsSync(join(folder, file))) {
    const accepted = `an ONNX file in ${folder}, by default ${ONNX_FILES.join(", ")}`;
    throw new StrataConfigError("crossEncoderReranker.file", options.file, accepted);
  }
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new StrataConfigError("crossEncoderReranker.sha256", sha256, "64 hexadecimal digits in lower case");
  }
  return { folder, file: join(folder, file) };
}

function notAPairModel(file: string, numbers: number): StrataError {
  return new StrataError("UNAVAILABLE", `The model ${file} gives ${numbers} numbers a pair, where one was expected.`);
}
