/**
 * Rows of different lengths into batches that waste little: sorted by length, so that rows are padded to neighbours of nearly their
 * size, and cut where the padded batch would pass a budget of tokens, so that one batch takes about equally long whatever is in it.
 */
import type { TokenBatch } from "../clients/onnx-session.ts";
import type { EncodedText } from "./tokenizer.ts";

/** Padded tokens a batch: some 100 ms of a small encoder on one core. More gained nothing in speed and holds up who comes next. */
const TOKEN_BUDGET = 2_048;

/** Indices of `texts`, batch by batch. A text that is longer than the budget has a batch of its own. */
export function planBatches(texts: readonly EncodedText[], tokenBudget: number = TOKEN_BUDGET): number[][] {
  const byLength = texts.map((_, index) => index).toSorted((a, b) => lengthOf(texts[a]) - lengthOf(texts[b]));
  const batches: number[][] = [];
  let batch: number[] = [];
  for (const index of byLength) {
    // Sorted: this one is the longest of its batch so far.
    if (batch.length > 0 && (batch.length + 1) * lengthOf(texts[index]) > tokenBudget) {
      batches.push(batch);
      batch = [];
    }
    batch.push(index);
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

/** Pads to the longest row. */
export function tokenBatch(texts: readonly EncodedText[], padding: number): TokenBatch {
  const rows = texts.length;
  const columns = Math.max(1, ...texts.map(lengthOf));
  const ids = new BigInt64Array(rows * columns).fill(BigInt(padding));
  const mask = new BigInt64Array(rows * columns);
  const types = new BigInt64Array(rows * columns);
  for (const [row, text] of texts.entries()) {
    for (const [column, id] of text.ids.entries()) {
      ids[row * columns + column] = BigInt(id);
      mask[row * columns + column] = 1n;
      types[row * columns + column] = BigInt(text.types?.[column] ?? 0);
    }
  }
  return { rows, columns, ids, mask, types };
}

function lengthOf(text: EncodedText | undefined): number {
  return text?.ids.length ?? 0;
}
