import { existsSync } from "node:fs";
import { join } from "node:path";
import type { CacheTier } from "../cache/tier.ts";
import type { TieredCache } from "../cache/tiered-cache.ts";
import type { SqlClient } from "../clients/sql.ts";
import type { Clock } from "../core/clock.ts";
import { backup, type BackupOptions, type BackupReport } from "../maintenance/backup/backup.ts";
import type { BackupPart } from "../maintenance/backup/backup-part.ts";
import { joinLogs, systemForgettingLog, type ForgettingLog } from "../maintenance/backup/forgetting-log.ts";
import { historyPart } from "../maintenance/backup/parts/history-part.ts";
import { tierPart } from "../maintenance/backup/parts/tier-part.ts";
import { verifyBackup } from "../maintenance/backup/verify.ts";
import type { EmbeddingsPart } from "./parts/embeddings.ts";
import { restore, type RestoreOptions, type RestoreReport } from "../maintenance/backup/restore.ts";

export interface BackupsOptions {
  readonly cache: TieredCache;
  readonly tiers: readonly CacheTier[];
  /** Where the vectors of embeddings last. */
  readonly vectors: EmbeddingsPart["kept"];
  readonly sql: SqlClient;
  /** Where PGlite is, when `sql` is; opening it only to find nothing would take seconds. */
  readonly embedded: string | undefined;
  /** The data folder, where `strata forget` notes who was forgotten. */
  readonly data: string;
  readonly clock: Clock;
}

/** What lasts of a system in one file: the tiers of its cache but memory, the vectors of embeddings, and its conversations. */
export class Backups {
  readonly #options: BackupsOptions;

  constructor(options: BackupsOptions) {
    this.#options = options;
  }

  async backup(to: string, options: Omit<BackupOptions, "to" | "parts" | "clock"> = {}): Promise<BackupReport> {
    const { cache, clock, embedded, vectors } = this.#options;
    await Promise.all([cache.flush(), vectors?.flush()]);
    return backup({ ...options, to, clock, parts: this.parts(embedded), forgotten: this.#forgotten(options.forgotten) });
  }

  /** What there is to back up now. */
  parts(embedded: string | undefined = this.#options.embedded): BackupPart[] {
    const hasHistory = embedded === undefined || existsSync(join(embedded, "PG_VERSION"));
    return [...this.#tiers(), ...(hasHistory ? [this.#history()] : [])];
  }

  async restore(from: string, options: Omit<RestoreOptions, "from" | "parts" | "clock"> = {}): Promise<RestoreReport> {
    const { key, signal } = options;
    const held = new Set((await verifyBackup({ from, key, signal })).parts.map(({ name }) => name));
    const parts = [...this.#tiers(), this.#history()].filter(({ name }) => held.has(name));
    return restore({ ...options, from, clock: this.#options.clock, parts, forgotten: this.#forgotten(options.forgotten) });
  }

  #forgotten(given: ForgettingLog | undefined): ForgettingLog {
    const own = systemForgettingLog(this.#options.data, this.#options.clock);
    return given === undefined ? own : joinLogs([own, given]);
  }

  /** By the names that `strata backup` gives them, so that either restores what the other wrote. */
  #tiers(): BackupPart[] {
    const lasting = this.#options.tiers.filter(({ name }) => name !== "memory");
    const parts = lasting.map((tier) => tierPart(tier, { name: tier.name === "disk" ? "cache" : tier.name }));
    const { vectors } = this.#options;
    return vectors === undefined ? parts : [...parts, tierPart(vectors.tier, { name: "embeddings" })];
  }

  #history(): BackupPart {
    return historyPart({ sql: this.#options.sql, clock: this.#options.clock });
  }
}
