/**
 * The log of strategies in SQL: it survives a restart, and all processes of one database share it. Nothing waits for it but who asks:
 * records gather in a bounded queue and are written a batch at a time; what does not fit, or cannot be written, is lost and said.
 * It holds no text, and an owner's digest in place of the name.
 */
import type { Clock } from "../core/clock.ts";
import { WriteBehind } from "../core/write-behind.ts";
import { migrate, type Migration } from "../clients/migrate.ts";
import type { SqlClient, SqlScalar } from "../clients/sql.ts";
import { ownerKey } from "../history/conversation-key.ts";
import { STRATEGIES, type Strategy } from "./strategy.ts";
import type { Judged, LoggedRecall, StrategyStats, StrategyUse } from "./strategy-log.ts";

export interface StrategyTableOptions {
  readonly sql: SqlClient;
  readonly clock: Clock;
  /** Told of what could not be written. */
  readonly onError: (error: unknown) => void;
}

export const RECALL_MIGRATIONS: readonly Migration[] = [
  {
    number: 1,
    name: "create the log of recalls",
    statements: [
      `CREATE TABLE strata_recalls (
        id text COLLATE "C" PRIMARY KEY,
        owner_key text COLLATE "C" NOT NULL,
        strategy text COLLATE "C" NOT NULL,
        at timestamptz NOT NULL,
        latency_ms double precision NOT NULL,
        results integer NOT NULL,
        cache_hit boolean NOT NULL,
        propensity double precision NOT NULL,
        is_exploration boolean NOT NULL,
        outcome double precision
      )`,
      "CREATE INDEX ON strata_recalls (owner_key, at)",
      "CREATE INDEX ON strata_recalls (at)",
    ],
  },
];

const STORE = `
  INSERT INTO strata_recalls (id, owner_key, strategy, at, latency_ms, results, cache_hit, propensity, is_exploration, outcome)
  SELECT id, owner_key, strategy, to_timestamp(at / 1000), latency_ms, results, cache_hit, propensity, is_exploration, outcome
  FROM unnest($1::text[], $2::text[], $3::text[], $4::double precision[], $5::double precision[], $6::integer[], $7::boolean[],
    $8::double precision[], $9::boolean[], $10::double precision[])
    AS r (id, owner_key, strategy, at, latency_ms, results, cache_hit, propensity, is_exploration, outcome)
  ON CONFLICT (id) DO UPDATE SET outcome = excluded.outcome`;

const USES = `
  SELECT strategy, count(*) AS uses, avg(latency_ms) AS mean_ms, avg(results)::double precision AS results,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY latency_ms) AS p95_ms, count(*) FILTER (WHERE cache_hit) AS hits,
    count(outcome) AS outcomes, avg(outcome) AS outcome, count(*) FILTER (WHERE is_exploration) AS explored
  FROM strata_recalls WHERE at >= to_timestamp($1::double precision / 1000) AND ($2::text IS NULL OR owner_key = $2)
  GROUP BY strategy`;

const OWNERS = `
  SELECT count(DISTINCT owner_key) AS owners FROM strata_recalls
  WHERE at >= to_timestamp($1::double precision / 1000) AND ($2::text IS NULL OR owner_key = $2)`;

const DAY = 86_400_000;
/** Older records are removed, at most so many a batch. */
const KEPT = 90 * DAY;
const REMOVED = 1_000;
/** Some 10,000 records. */
const MAX_BYTES = 4_000_000;
const BYTES = 400;
const SPACING_MS = 1_000;
/** Verdicts of an owner that the router goes by. */
const LATEST = 500;

export class StrategyTable {
  readonly #options: StrategyTableOptions;
  readonly #queue: WriteBehind<LoggedRecall>;
  #ready: Promise<unknown> | undefined;

  constructor(options: StrategyTableOptions) {
    this.#options = options;
    this.#queue = new WriteBehind({
      write: (batch) => this.#write(batch),
      sizeOf: () => BYTES,
      maxBytes: MAX_BYTES,
      spacingMs: SPACING_MS,
      clock: options.clock,
      onError: options.onError,
    });
  }

  /** A record, or one whose outcome is known now. Never waits, never throws. */
  put(record: LoggedRecall): void {
    try {
      this.#queue.put(record.id, record);
    } catch (error) {
      this.#options.onError(error);
    }
  }

  /** Of a recall of another process; `false` when there is none of this id, or it is another owner's. */
  async report(id: string, outcome: number, ownerId: string | undefined): Promise<boolean> {
    await this.#prepare();
    const rows = await this.#options.sql.query(
      "UPDATE strata_recalls SET outcome = $2 WHERE id = $1 AND ($3::text IS NULL OR owner_key = $3) RETURNING 1",
      [id, outcome, ownerId === undefined ? null : ownerKey(ownerId)],
    );
    return rows.length > 0;
  }

  /** The latest verdicts on recalls of an owner. */
  async judged(ownerId: string): Promise<Judged[]> {
    await this.#prepare();
    return this.#options.sql.query<{ id: string; strategy: Strategy; propensity: number; outcome: number }>(
      `SELECT id, strategy, propensity, outcome FROM strata_recalls
       WHERE owner_key = $1 AND outcome IS NOT NULL ORDER BY at DESC LIMIT ${LATEST}`,
      [ownerKey(ownerId)],
    );
  }

  /** Of all processes; what this one has not written yet is written first. */
  async stats(ownerId: string | undefined, days: number): Promise<StrategyStats> {
    await this.#queue.drain();
    await this.#prepare();
    const since = this.#options.clock.now() - days * DAY;
    const asked = [since, ownerId === undefined ? null : ownerKey(ownerId)];
    const rows = await this.#options.sql.query<UseRow>(USES, asked);
    const [of] = await this.#options.sql.query<{ owners: number }>(OWNERS, asked);
    const recalls = rows.reduce((sum, { uses }) => sum + uses, 0);
    const weighed = (pick: (row: UseRow) => number): number =>
      rows.reduce((sum, row) => sum + pick(row), 0) / Math.max(1, recalls);
    const known = rows.filter(({ strategy }) => STRATEGIES.includes(strategy));
    return {
      ...{ recalls, owners: of?.owners ?? 0, days },
      strategies: known.map((row) => useOf(row, recalls)).toSorted((a, b) => b.uses - a.uses),
      cacheHitRate: weighed(({ hits }) => hits),
      meanLatencyMs: weighed(({ uses, mean_ms: mean }) => uses * mean),
    };
  }

  async forget(ownerId: string): Promise<void> {
    await this.#queue.withdraw((record) => record.ownerId === ownerId);
    await this.#prepare();
    await this.#options.sql.query("DELETE FROM strata_recalls WHERE owner_key = $1", [ownerKey(ownerId)]);
  }

  /** Resolves when everything is written or given up. The client stays the caller's. */
  async close(): Promise<void> {
    await this.#queue.drain();
  }

  async #write(batch: readonly LoggedRecall[]): Promise<void> {
    await this.#prepare();
    const column = <T extends SqlScalar>(pick: (record: LoggedRecall) => T): T[] => batch.map(pick);
    await this.#options.sql.query(STORE, [
      ...[column(({ id }) => id), column(({ ownerId }) => ownerKey(ownerId)), column(({ strategy }) => strategy)],
      ...[column(({ at }) => at), column(({ latencyMs }) => latencyMs), column(({ results }) => results)],
      ...[column(({ cacheHit }) => cacheHit), column(({ propensity }) => propensity)],
      ...[column(({ isExploration }) => isExploration), column(({ outcome }) => outcome ?? null)],
    ]);
    await this.#options.sql.query(
      `DELETE FROM strata_recalls WHERE id IN (
         SELECT id FROM strata_recalls WHERE at < to_timestamp($1::double precision / 1000) LIMIT ${REMOVED})`,
      [this.#options.clock.now() - KEPT],
    );
  }

  async #prepare(): Promise<void> {
    this.#ready ??= migrate(this.#options.sql, "recalls", RECALL_MIGRATIONS);
    try {
      await this.#ready;
    } catch (error) {
      this.#ready = undefined;
      throw error;
    }
  }
}

type UseRow = {
  readonly strategy: Strategy;
  readonly uses: number;
  readonly mean_ms: number;
  readonly results: number;
  readonly p95_ms: number;
  readonly hits: number;
  readonly outcomes: number;
  readonly outcome: number | null;
  readonly explored: number;
};

function useOf(row: UseRow, all: number): StrategyUse {
  return {
    strategy: row.strategy,
    uses: row.uses,
    share: row.uses / Math.max(1, all),
    meanLatencyMs: row.mean_ms,
    p95LatencyMs: row.p95_ms,
    meanResults: row.results,
    cacheHitRate: row.hits / row.uses,
    outcomes: row.outcomes,
    ...(row.outcome !== null && { meanOutcome: row.outcome }),
    explored: row.explored,
  };
}
