/**
 * A cross-encoder without weights, written byte by byte: an ONNX graph with the inputs of BERT whose logit is how many tokens the two
 * texts of a pair share, less one. The real runtime runs it; it knows nothing of language.
 *
 * ONNX is protobuf (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto): fields with a number, a wire type and a value.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

type Bytes = readonly number[];

function varint(value: number): Bytes {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))];
}

function whole(field: number, value: number): Bytes {
  return [...varint(field * 8), ...varint(value)];
}

function block(field: number, value: Bytes | string): Bytes {
  const bytes = typeof value === "string" ? [...Buffer.from(value)] : value;
  return [...varint(field * 8 + 2), ...varint(bytes.length), ...bytes];
}

const FLOAT = 1;
const INT64 = 7;

function node(type: string, inputs: readonly string[], output: string, attribute: Bytes = []): Bytes {
  return block(1, [...inputs.flatMap((name) => block(1, name)), ...block(2, output), ...block(4, type), ...attribute]);
}

function toFloat(input: string, output: string): Bytes {
  return node("Cast", [input], output, block(5, [...block(1, "to"), ...whole(3, FLOAT), ...whole(20, 2)]));
}

/** A constant of int64 or float. */
function constant(name: string, type: number, dimensions: readonly number[], values: readonly number[]): Bytes {
  const raw =
    type === INT64 ? Buffer.from(BigInt64Array.from(values.map(BigInt)).buffer) : Buffer.from(Float32Array.from(values).buffer);
  return block(5, [...dimensions.flatMap((size) => whole(1, size)), ...whole(2, type), ...block(8, name), ...block(9, [...raw])]);
}

function value(field: number, name: string, type: number, dimensions: readonly string[]): Bytes {
  const shape = dimensions.flatMap((size) => block(1, block(2, size)));
  return block(field, [...block(1, name), ...block(2, block(1, [...whole(1, type), ...block(2, shape)]))]);
}

/** Special tokens have ids up to 3, and are not shared. */
const GRAPH: Bytes = [
  ...node("Unsqueeze", ["input_ids", "two"], "down"),
  ...node("Unsqueeze", ["input_ids", "one"], "across"),
  ...node("Equal", ["down", "across"], "same"),
  ...toFloat("same", "sameness"),
  ...node("Greater", ["input_ids", "three"], "isWord"),
  ...toFloat("isWord", "word"),
  ...toFloat("token_type_ids", "second"),
  ...node("Mul", ["word", "second"], "inText"),
  ...node("Sub", ["word", "inText"], "inQuery"),
  ...node("Unsqueeze", ["inQuery", "one"], "queryRow"),
  ...node("Unsqueeze", ["inText", "two"], "textColumn"),
  ...node("MatMul", ["queryRow", "sameness"], "reached"),
  ...node("MatMul", ["reached", "textColumn"], "shared"),
  ...node("Sub", ["shared", "unit"], "lessOne"),
  ...node("Reshape", ["lessOne", "flat"], "logits"),
  ...block(2, "overlap"),
  ...constant("one", INT64, [1], [1]),
  ...constant("two", INT64, [1], [2]),
  ...constant("three", INT64, [1], [3]),
  ...constant("unit", FLOAT, [1], [1]),
  ...constant("flat", INT64, [2], [-1, 1]),
  ...["input_ids", "attention_mask", "token_type_ids"].flatMap((name) => value(11, name, INT64, ["batch", "length"])),
  ...value(12, "logits", FLOAT, ["batch", "labels"]),
];

const MODEL: Bytes = [...whole(1, 8), ...block(7, GRAPH), ...block(8, whole(2, 13))];

/** Writes the model and a tokenizer that knows these words, in lower case, into a folder. */
export function writeOverlapModel(folder: string, words: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "model.onnx"), Buffer.from(MODEL));
  const vocab = Object.fromEntries(["[PAD]", "[UNK]", "[CLS]", "[SEP]", ...new Set(words)].map((word, id) => [word, id]));
  const special = Object.entries(vocab).slice(0, 4);
  const piece = (id: string, type: number): object => ({ SpecialToken: { id, type_id: type } });
  const text = (id: string, type: number): object => ({ Sequence: { id, type_id: type } });
  const tokenizer = {
    ...{ version: "1.0", truncation: null, padding: null, decoder: null },
    added_tokens: special.map(([content, id]) => ({
      ...{ id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
    })),
    normalizer: { type: "Lowercase" },
    pre_tokenizer: { type: "Whitespace" },
    post_processor: {
      type: "TemplateProcessing",
      single: [piece("[CLS]", 0), text("A", 0), piece("[SEP]", 0)],
      pair: [piece("[CLS]", 0), text("A", 0), piece("[SEP]", 0), text("B", 1), piece("[SEP]", 1)],
      special_tokens: Object.fromEntries(["[CLS]", "[SEP]"].map((id) => [id, { id, ids: [vocab[id]], tokens: [id] }])),
    },
    model: { type: "WordPiece", vocab, unk_token: "[UNK]", continuing_subword_prefix: "##", max_input_chars_per_word: 100 },
  };
  writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(tokenizer));
}
