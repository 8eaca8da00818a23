/** Sentence vectors of a transformer encoder: tokens in batches through an ONNX session, then pooled. */
import { onnxSession, type OnnxOutput, type OnnxSession, type OnnxSessionOptions } from "../clients/onnx-session.ts";
import { systemClock, type Clock } from "../core/clock.ts";
import { StrataError } from "../core/errors.ts";
import { planBatches, tokenBatch } from "./token-batches.ts";
import { LONGEST_TEXT, type LocalModelInfo, type TextModel } from "./text-model.ts";
import type { EncodedText, Tokenizer } from "./tokenizer.ts";
import { sharedTurns } from "./turns.ts";
import { unitVector } from "./unit-vector.ts";
import { vectorOfUnknown } from "./unknown-text.ts";

/** How token vectors become one: their mean, or the first one (`[CLS]`), as the model was trained. */
export type Pooling = "mean" | "cls";

export interface OnnxModelSource {
  readonly info: LocalModelInfo;
  readonly pooling: Pooling;
  /** Written before every text that is searched with, or searched in. */
  readonly prefixes: { readonly query: string; readonly document: string };
  /**
   * Padded tokens a batch; 0 runs each text alone. A model of 8 bits scales its activations by the largest one of the batch, so that
   * a text's vector would depend on the texts beside it (cosine 0.975 to itself was seen), for a gain of a quarter in time.
   */
  readonly batchTokens: number | undefined;
  readonly session: OnnxSessionOptions;
  loadTokenizer(): Promise<Tokenizer>;
}

/** Of a model that gives several, the one with a vector a token. */
export const TOKEN_OUTPUTS = ["last_hidden_state", "token_embeddings"] as const;

const NOTHING: EncodedText = { ids: [], isKnown: false };

export function onnxModel(open: () => OnnxModelSource, info: LocalModelInfo, clock: Clock = systemClock): TextModel {
  let loading: Promise<Loaded> | undefined;

  function loaded(): Promise<Loaded> {
    loading ??= load(open).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  }

  return {
    info,
    async embed(texts, { signal, kind = "document" } = {}) {
      signal?.throwIfAborted();
      const { source, tokenizer, session } = await loaded();
      const turn = sharedTurns(clock);
      const prefix = source.prefixes[kind];
      const encoded: EncodedText[] = [];
      for (const text of texts) {
        await turn();
        signal?.throwIfAborted();
        encoded.push(tokenizer.encode(prefix + text.slice(0, LONGEST_TEXT)));
      }
      const vectors = texts.map(() => [] as number[]);
      // One after the other: another one in the queue would save a millisecond of a hundred, and hold up who comes next.
      for (const indices of planBatches(encoded, source.batchTokens)) {
        const rows = indices.map((index) => encoded[index] ?? NOTHING);
        const output = await session.run(tokenBatch(rows, tokenizer.padding), { signal });
        if (output.dimensions.at(-1) !== info.dimensions) throw wrongShape(info, output);
        for (const [row, index] of indices.entries()) {
          await turn();
          const { ids, isKnown } = rows[row] ?? NOTHING;
          const text = texts[index]?.slice(0, LONGEST_TEXT) ?? "";
          vectors[index] = isKnown ? pool(output, row, ids.length, source.pooling) : vectorOfUnknown(text, info.dimensions);
        }
      }
      return vectors;
    },
    async close() {
      const last = await loading?.catch(() => undefined);
      await last?.session.close();
    },
  };
}

interface Loaded {
  readonly source: OnnxModelSource;
  readonly tokenizer: Tokenizer;
  readonly session: OnnxSession;
}

async function load(open: () => OnnxModelSource): Promise<Loaded> {
  const source = open();
  const tokenizer = await source.loadTokenizer();
  return { source, tokenizer, session: onnxSession({ outputs: TOKEN_OUTPUTS, ...source.session }) };
}

/** One row of a tensor to a vector of length 1. Two dimensions: the model has pooled by itself. */
function pool({ data, dimensions }: OnnxOutput, row: number, length: number, pooling: Pooling): number[] {
  const size = dimensions.at(-1) ?? 0;
  const columns = dimensions.length === 3 ? (dimensions[1] ?? 0) : 1;
  const taken = dimensions.length === 3 && pooling === "mean" ? length : 1;
  const sum = new Float32Array(size);
  for (let column = 0; column < taken; column++) {
    const start = (row * columns + column) * size;
    for (let index = 0; index < size; index++) sum[index] = (sum[index] ?? 0) + (data[start + index] ?? 0);
  }
  return unitVector(sum);
}

function wrongShape({ model, dimensions }: LocalModelInfo, output: OnnxOutput): StrataError {
  const shape = output.dimensions.join(" x ");
  return new StrataError("UNAVAILABLE", `The model ${model} gives ${shape}, where vectors of ${dimensions} were expected.`);
}
