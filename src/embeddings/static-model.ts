/**
 * Sentence vectors out of a table: one int8 vector a token, their sum scaled to length 1. No network, no native code, no order of
 * words; some hundredths of a millisecond a text.
 *
 * The idea is that of Model2Vec (Minish Lab 2024) and of `static-similarity` (Aarsen 2025): the table is distilled from a sentence
 * encoder, here all-MiniLM-L6-v2, trained on so that both languages meet; models/README.md says how and on which text.
 */
import { systemClock, type Clock } from "../core/clock.ts";
import { readModelFile, type Checksums } from "./model-files.ts";
import { LONGEST_TEXT, type LocalModelInfo, type TextModel } from "./text-model.ts";
import { sharedTurns } from "./turns.ts";
import { unitVector } from "./unit-vector.ts";
import { vectorOfUnknown } from "./unknown-text.ts";
import { WordPiece } from "./word-piece.ts";

export interface StaticModelSource {
  readonly folder: string;
  readonly info: LocalModelInfo;
  /** Of `table.i8` (tokens x dimensions), `scale.f32` (a factor a token) and `vocab.txt` (a token a line). */
  readonly checksums: Checksums;
}

interface Table {
  readonly words: WordPiece;
  readonly values: Int8Array;
  readonly scales: Float32Array;
}

export function staticModel(source: StaticModelSource, clock: Clock = systemClock): TextModel {
  const { info } = source;
  let loading: Promise<Table> | undefined;

  function table(): Promise<Table> {
    loading ??= load(source).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  }

  return {
    info,
    async embed(texts, { signal } = {}) {
      signal?.throwIfAborted();
      const loaded = await table();
      const turn = sharedTurns(clock);
      const vectors: number[][] = [];
      for (const text of texts) {
        await turn();
        signal?.throwIfAborted();
        vectors.push(embedOne(loaded, text.slice(0, LONGEST_TEXT), info.dimensions));
      }
      return vectors;
    },
    async close() {
      loading = undefined;
    },
  };
}

async function load({ folder, checksums }: StaticModelSource): Promise<Table> {
  const read = (name: string): Promise<Uint8Array<ArrayBuffer>> => readModelFile(folder, name, checksums);
  const [table, scale, vocabulary] = await Promise.all([read("table.i8"), read("scale.f32"), read("vocab.txt")]);
  return {
    words: new WordPiece(new TextDecoder().decode(vocabulary)),
    values: new Int8Array(table.buffer),
    scales: new Float32Array(scale.buffer),
  };
}

/** Sums in single precision, as the model was measured: equal text gives equal vectors on every machine. */
function embedOne({ words, values, scales }: Table, text: string, dimensions: number): number[] {
  const ids = words.encode(text);
  if (ids.every((id) => id === words.unknown)) return vectorOfUnknown(text, dimensions);
  const sum = new Float32Array(dimensions);
  for (const id of ids) {
    const scale = scales[id] ?? 0;
    const start = id * dimensions;
    for (let index = 0; index < dimensions; index++) {
      sum[index] = (sum[index] ?? 0) + (values[start + index] ?? 0) * scale;
    }
  }
  return unitVector(sum);
}
