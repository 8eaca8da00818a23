/** What the calibrated policy learned, as JSON, and back: words and their counts, labels, weights; no question, and no answer. */
import { isJsonObject } from "../../../core/plain.ts";
import { FEATURES } from "../match-features.ts";
import { DocumentFrequencies } from "./document-frequencies.ts";
import { FOLDS, MatchModel, WORD_SLOTS, type Label } from "./match-model.ts";
import { Population, type PopulationOptions } from "./population.ts";

/** Counts up when features or their order change: what was learned of others is worthless. */
const VERSION = 1;
const KIND = "strata-calibrated-policy";
/** Labels that are stored, of each population; the newest. */
const MOST_LABELS = 2_000;
const MOST_WORDS = 20_000;
/** Features are stored as 16-bit numbers of this resolution: -8 to 8. */
const RESOLUTION = 4_096;

interface StoredPopulation {
  readonly name: string;
  readonly questions: number;
  readonly counts: readonly (readonly [string, number])[];
  readonly labels: string;
  readonly weights: readonly (readonly number[])[];
  readonly stakes: readonly number[];
}

export function exportPopulations(populations: readonly (readonly [string, Population])[]): unknown {
  return {
    ...{ kind: KIND, version: VERSION, features: FEATURES },
    populations: populations.map(([name, { words, model, stakes }]): StoredPopulation => {
      const weights = model.parts.map(({ dense, sparse }) => [...dense, ...sparse].map((weight) => Number(weight.toFixed(4))));
      return { name, ...words.export(), labels: packLabels(model.labels.slice(-MOST_LABELS)), weights, stakes };
    }),
  };
}

/** `undefined` when it is not what `exportPopulations` makes. */
export function restorePopulations(state: unknown, options: PopulationOptions): [string, Population][] | undefined {
  if (!isJsonObject(state) || state["kind"] !== KIND || state["version"] !== VERSION) return undefined;
  const { features, populations } = state;
  if (!Array.isArray(features) || features.join() !== FEATURES.join() || !Array.isArray(populations)) return undefined;
  const restored = populations.map((stored: unknown) => restoreOne(stored, options));
  return restored.every((one) => one !== undefined) ? restored : undefined;
}

function restoreOne(stored: unknown, options: PopulationOptions): [string, Population] | undefined {
  if (!isStored(stored)) return undefined;
  const labels = unpackLabels(stored.labels);
  if (labels === undefined) return undefined;
  const parts = stored.weights.map((weights) => ({
    dense: Float64Array.from(weights.slice(0, FEATURES.length)),
    sparse: Float64Array.from(weights.slice(FEATURES.length)),
  }));
  const words = new DocumentFrequencies(MOST_WORDS, stored);
  return [stored.name, new Population(options, words, new MatchModel(labels, parts), stored.stakes)];
}

function isStored(stored: unknown): stored is StoredPopulation {
  if (!isJsonObject(stored)) return false;
  const { name, questions, counts, labels, weights, stakes } = stored;
  return (
    typeof name === "string" &&
    isCount(questions) &&
    Array.isArray(counts) &&
    counts.every((pair: unknown) => Array.isArray(pair) && typeof pair[0] === "string" && isCount(pair[1])) &&
    typeof labels === "string" &&
    Array.isArray(weights) &&
    weights.length === FOLDS &&
    weights.every((part: unknown) => isNumbers(part) && part.length === FEATURES.length + WORD_SLOTS) &&
    isNumbers(stakes) &&
    stakes.every((stake) => stake >= 1)
  );
}

/** Each label: flags and fold, number of sparse features, dense features, sparse features; 16 bits each, little-endian, base64. */
function packLabels(labels: readonly Label[]): string {
  const words: number[] = [];
  for (const { right, counts, fold, dense, sparse } of labels) {
    words.push((right ? 1 : 0) | (counts ? 2 : 0) | (fold << 2), sparse.length);
    for (const value of dense) words.push(Math.max(-32_768, Math.min(32_767, Math.round(value * RESOLUTION))) & 0xffff);
    words.push(...sparse);
  }
  const bytes = Buffer.alloc(words.length * 2);
  for (const [at, word] of words.entries()) bytes.writeUInt16LE(word, at * 2);
  return bytes.toString("base64");
}

function unpackLabels(text: string): Label[] | undefined {
  const bytes = Buffer.from(text, "base64");
  const labels: Label[] = [];
  for (let at = 0; at < bytes.length;) {
    if (at + 4 + FEATURES.length * 2 > bytes.length) return undefined;
    const flags = bytes.readUInt16LE(at);
    const length = bytes.readUInt16LE(at + 2);
    const start = at + 4;
    const end = start + (FEATURES.length + length) * 2;
    if (end > bytes.length || flags >> 2 >= FOLDS) return undefined;
    const dense = Float64Array.from(FEATURES, (_, index) => bytes.readInt16LE(start + index * 2) / RESOLUTION);
    const sparse = Uint16Array.from({ length }, (_, index) => bytes.readUInt16LE(start + (FEATURES.length + index) * 2));
    if (sparse.some((slot) => slot >= WORD_SLOTS)) return undefined;
    labels.push({ right: (flags & 1) !== 0, counts: (flags & 2) !== 0, fold: flags >> 2, dense, sparse });
    at = end;
  }
  return labels;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((each) => typeof each === "number" && Number.isFinite(each));
}
