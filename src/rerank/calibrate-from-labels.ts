/**
 * Scores as probabilities, learned from labels: what a threshold needs, since a 0.3 of one model is a 0.9 of another.
 *
 * - `"platt"`: a logistic curve through the labels (J. Platt, "Probabilistic Outputs for Support Vector Machines", 1999), with his
 *   smoothed targets, fitted by the Newton steps of H.-T. Lin, C.-J. Lin and R. C. Weng, "A Note on Platt's Probabilistic Outputs",
 *   Machine Learning 68, 2007. Two numbers, so a few dozen labels do.
 * - `"isotonic"`: any curve that never falls (B. Zadrozny & C. Elkan, "Transforming Classifier Scores into Accurate Multiclass Probability
 *   Estimates", KDD 2002), by pooling neighbours that are out of order, straight between the pools. Better from about 1,000 labels on
 *   (A. Niculescu-Mizil & R. Caruana, "Predicting Good Probabilities with Supervised Learning", ICML 2005), over-fitted below.
 */
import { StrataConfigError } from "../core/errors.ts";
import { parseChoice, refuseUnknown } from "../core/options.ts";
import type { Calibrate } from "./calibration.ts";
import type { RerankReport } from "./rerank-report.ts";

export interface LabelledScore {
  /** Its name: each reranker has a scale of its own. */
  readonly reranker: string;
  /** As the reranker gave it. */
  readonly rawScore: number;
  readonly relevant: boolean;
}

export interface CalibrateFromLabelsOptions {
  /** Default for each reranker `"isotonic"` from 1,000 labels on, and `"platt"` below. */
  readonly method?: "platt" | "isotonic" | undefined;
}

const ENOUGH_FOR_ISOTONIC = 1_000;
const LEAST = 20;

/**
 * For `calibrate` of `RerankCompressor`: from raw scores to the probability of being relevant. A reranker without labels has no
 * calibrated scores, and no threshold is applied to it.
 * @throws {@link StrataConfigError} for less than 20 labels of a reranker, or labels of one kind only
 */
export function calibrateFromLabels(labels: readonly LabelledScore[], options: CalibrateFromLabelsOptions = {}): Calibrate {
  refuseUnknown("calibrateFromLabels", options, ["method"]);
  const { method } = options;
  if (method !== undefined) parseChoice("calibrateFromLabels.method", method, ["platt", "isotonic"]);
  if (!Array.isArray(labels)) throw new StrataConfigError("labels", labels, "a list of { reranker, rawScore, relevant }");
  const byReranker = new Map<string, LabelledScore[]>();
  for (const label of labels as readonly LabelledScore[]) {
    const { reranker, rawScore, relevant } = label ?? {};
    if (typeof reranker !== "string" || !Number.isFinite(rawScore) || typeof relevant !== "boolean") {
      throw new StrataConfigError("labels", label, "{ reranker, rawScore, relevant }: a name, a finite number, true or false");
    }
    const own = byReranker.get(reranker);
    if (own === undefined) byReranker.set(reranker, [label]);
    else own.push(label);
  }
  const curves = new Map([...byReranker].map(([reranker, own]) => [reranker, curveOf(reranker, own, method)]));
  return (rawScore, reranker) => curves.get(reranker)?.(rawScore);
}

/** Labels from what a compressor did with a query (`explain()`) and the grades of the documents by their ids; the others are left out. */
export function labelsOf({ reranker, rows }: RerankReport, grades: Readonly<Record<string, number>>): LabelledScore[] {
  return rows.flatMap(({ id, rawScore }) => {
    const grade = id === undefined || !Object.hasOwn(grades, id) ? undefined : grades[id];
    if (reranker === undefined || rawScore === undefined || grade === undefined) return [];
    return [{ reranker, rawScore, relevant: grade > 0 }];
  });
}

type Curve = (rawScore: number) => number;

function curveOf(reranker: string, labels: readonly LabelledScore[], method: "platt" | "isotonic" | undefined): Curve {
  const positives = labels.filter(({ relevant }) => relevant).length;
  if (labels.length < LEAST || positives === 0 || positives === labels.length) {
    const accepted = `at least ${LEAST} labels of ${reranker}, some relevant and some not`;
    throw new StrataConfigError("labels", `${labels.length}, ${positives} of them relevant`, accepted);
  }
  const isIsotonic = method === undefined ? labels.length >= ENOUGH_FOR_ISOTONIC : method === "isotonic";
  return isIsotonic ? isotonic(labels) : platt(labels, positives);
}

/** Newton's method on the two numbers; scores in standard deviations, so that the steps are of a size. */
function platt(labels: readonly LabelledScore[], positives: number): Curve {
  const mean = labels.reduce((sum, { rawScore }) => sum + rawScore, 0) / labels.length;
  const spread = Math.sqrt(labels.reduce((sum, { rawScore }) => sum + (rawScore - mean) ** 2, 0) / labels.length) || 1;
  const [high, low] = [(positives + 1) / (positives + 2), 1 / (labels.length - positives + 2)];
  const points = labels.map(({ rawScore, relevant }) => ({ x: (rawScore - mean) / spread, target: relevant ? high : low }));
  const lossOf = (slope: number, offset: number): number =>
    points.reduce((sum, { x, target }) => {
      const at = slope * x + offset;
      // log(1 + e^at) - target · at, without an overflow.
      return sum + Math.max(at, 0) + Math.log1p(Math.exp(-Math.abs(at))) - target * at;
    }, 0);
  let [slope, offset] = [0, Math.log((positives + 1) / (labels.length - positives + 1))];
  let loss = lossOf(slope, offset);
  for (let step = 0; step < MAX_STEPS; step++) {
    let [gradientSlope, gradientOffset, slopes, both, offsets] = [0, 0, RIDGE, 0, RIDGE];
    for (const { x, target } of points) {
      const probability = logistic(slope * x + offset);
      const weight = probability * (1 - probability);
      gradientSlope += (probability - target) * x;
      gradientOffset += probability - target;
      slopes += weight * x * x;
      both += weight * x;
      offsets += weight;
    }
    if (Math.abs(gradientSlope) + Math.abs(gradientOffset) < CLOSE) break;
    const determinant = slopes * offsets - both * both;
    const turn = (offsets * gradientSlope - both * gradientOffset) / determinant;
    const shift = (slopes * gradientOffset - both * gradientSlope) / determinant;
    let size = 1;
    while (size > SMALLEST_STEP && lossOf(slope - size * turn, offset - size * shift) >= loss) size /= 2;
    if (size <= SMALLEST_STEP) break;
    [slope, offset] = [slope - size * turn, offset - size * shift];
    loss = lossOf(slope, offset);
  }
  // Scores that fall as relevance rises say nothing that a threshold could use: all are as likely as any.
  if (slope <= 0) return () => positives / labels.length;
  return (rawScore) => logistic((slope * (rawScore - mean)) / spread + offset);
}

const MAX_STEPS = 100;
const RIDGE = 1e-12;
const CLOSE = 1e-7;
const SMALLEST_STEP = 1e-10;

function logistic(at: number): number {
  return 1 / (1 + Math.exp(-at));
}

interface Pool {
  /** Sums over its labels. */
  score: number;
  relevant: number;
  size: number;
}

/** Pool adjacent violators: neighbours are one pool until no pool is less relevant than the one before it. */
function isotonic(labels: readonly LabelledScore[]): Curve {
  const pools: Pool[] = [];
  let lastScore = Number.NaN;
  for (const { rawScore, relevant } of labels.toSorted((a, b) => a.rawScore - b.rawScore)) {
    const last = pools.at(-1);
    // Equal scores are one point, whatever their labels.
    if (last !== undefined && rawScore === lastScore) add(last, { score: rawScore, relevant: Number(relevant), size: 1 });
    else pools.push({ score: rawScore, relevant: Number(relevant), size: 1 });
    lastScore = rawScore;
    for (let [before, end] = pools.slice(-2); isOutOfOrder(before, end); [before, end] = pools.slice(-2)) {
      add(before as Pool, end as Pool);
      pools.pop();
    }
  }
  const points = pools.map(({ score, relevant, size }) => ({ at: score / size, probability: relevant / size }));
  return (rawScore) => between(points, rawScore);
}

function isOutOfOrder(before: Pool | undefined, end: Pool | undefined): boolean {
  return before !== undefined && end !== undefined && before.relevant / before.size >= end.relevant / end.size;
}

function add(pool: Pool, { score, relevant, size }: Pool): void {
  pool.score += score;
  pool.relevant += relevant;
  pool.size += size;
}

function between(points: readonly { readonly at: number; readonly probability: number }[], rawScore: number): number {
  const next = points.findIndex(({ at }) => at >= rawScore);
  const after = points[next === -1 ? points.length - 1 : next];
  const before = next === -1 ? after : points[Math.max(0, next - 1)];
  if (before === undefined || after === undefined) return Number.NaN;
  const way = after.at - before.at;
  const share = way === 0 ? 1 : Math.min(1, Math.max(0, (rawScore - before.at) / way));
  return before.probability + share * (after.probability - before.probability);
}
