/**
 * The model of one population: what is known of how questions and candidates match there, and the probability that a candidate is
 * right. It is fitted in `FOLDS` parts, each without the questions of its own fold, and a question is scored by the part that
 * did not see it: what is served is scored exactly as what the threshold was chosen on.
 *
 * Fitting a part takes some milliseconds, so the parts are fitted one at a time, one for each label that comes in; the new ones
 * take over together, with the threshold that belongs to them.
 */
import { fitLogistic, scoreOf, sigmoid, type Example, type Weights } from "../numerics/logistic.ts";
import type { Difference } from "../vetoes.ts";
import { PRIOR_DIRECTION, PRIOR_MEAN, PRIOR_PRECISION } from "./priors.ts";
import type { Scored } from "./threshold.ts";

export const FOLDS = 4;
/** Labels that are kept; the oldest go first. */
export const WINDOW = 4_000;
/** Room for what is learned of single words; two that share a number are an accident that shrinkage makes harmless. */
export const WORD_SLOTS = 2_048;

const PRIOR = { mean: PRIOR_MEAN, precision: PRIOR_PRECISION, direction: PRIOR_DIRECTION, sparsePrecision: 3 };
const WORD_PREFIX = 6;

export interface Label extends Example {
  readonly fold: number;
  /** Says something about what may be served now; not so what was learned before the brake. */
  counts: boolean;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}

export function foldOf(question: string): number {
  return (hash(question) >>> 8) % FOLDS;
}

/** Numbers of the words that only one of the two has. */
export function wordSlots([onlyA, onlyB]: Difference): Uint16Array {
  return Uint16Array.from(new Set([...onlyA, ...onlyB].map(({ text }) => hash(text.slice(0, WORD_PREFIX)) % WORD_SLOTS)));
}

export class MatchModel {
  readonly #labels: Label[];
  #parts: Weights[];
  #next: Weights[] = [];

  constructor(labels: Label[] = [], parts: Weights[] = Array.from({ length: FOLDS }, untaught)) {
    this.#labels = labels;
    this.#parts = parts;
  }

  get labels(): readonly Label[] {
    return this.#labels;
  }

  get parts(): readonly Weights[] {
    return this.#parts;
  }

  /** In log odds. */
  score(fold: number, dense: Float64Array, sparse: Uint16Array): number {
    return scoreOf(this.#parts[fold]!, dense, sparse);
  }

  add(label: Label): void {
    this.#labels.push(label);
    if (this.#labels.length > WINDOW * 1.1) this.#labels.splice(0, this.#labels.length - WINDOW);
  }

  /** Fits one part more; `true` when all are done, and have taken over. */
  fitNext(): boolean {
    const fold = this.#next.length;
    const examples = this.#labels.filter((label) => label.fold !== fold);
    this.#next.push(fitLogistic(examples, PRIOR, this.#parts[fold]!));
    if (this.#next.length < FOLDS) return false;
    this.#parts = this.#next;
    this.#next = [];
    return true;
  }

  /** What is known of the questions that count, by scores that are held out. */
  heldOut(): Scored[] {
    return this.#labels
      .filter(({ counts }) => counts)
      .map(({ fold, dense, sparse, right }) => ({ p: sigmoid(this.score(fold, dense, sparse)), right }));
  }

  /** From now on only what comes after counts for what may be served. */
  discount(): void {
    for (const label of this.#labels) label.counts = false;
  }
}

function untaught(): Weights {
  return { dense: PRIOR_MEAN.slice(), sparse: new Float64Array(WORD_SLOTS) };
}
