/** What a ranked list is worth, by the grades of its documents; as trec_eval computes it. */

export interface RankingMetrics {
  /** Discounted gain beside that of the best order there is; the grade is the gain (Järvelin & Kekäläinen, TOIS 2002). */
  readonly ndcg: number;
  /** 1 / rank of the first relevant document, 0 without one among the first k. */
  readonly mrr: number;
  readonly precision: number;
  /** Of all relevant documents, those among the first k. */
  readonly recall: number;
}

/** @param all grades of the query; above 0 is relevant */
export function metricsOf(ids: readonly string[], all: ReadonlyMap<string, number>, k: number): RankingMetrics {
  const grades = ids.slice(0, k).map((id) => Math.max(0, all.get(id) ?? 0));
  const best = [...all.values()].filter((grade) => grade > 0).toSorted((a, b) => b - a);
  const relevant = grades.filter((grade) => grade > 0).length;
  const ideal = discounted(best.slice(0, k));
  const first = grades.findIndex((grade) => grade > 0);
  return {
    ndcg: ideal === 0 ? 0 : discounted(grades) / ideal,
    mrr: first < 0 ? 0 : 1 / (first + 1),
    precision: relevant / k,
    recall: best.length === 0 ? 0 : relevant / best.length,
  };
}

function discounted(grades: readonly number[]): number {
  return grades.reduce((sum, grade, index) => sum + grade / Math.log2(index + 2), 0);
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
