/** The tasks that a config names, and the scheduler that runs them. */
import type { CacheTier } from "../../cache/tier.ts";
import type { SqlClient } from "../../clients/sql.ts";
import type { Clock } from "../../core/clock.ts";
import type { Observer } from "../../core/events.ts";
import type { BackupPart } from "../../maintenance/backup/backup-part.ts";
import { postgresLeases } from "../../maintenance/schedule/postgres-leases.ts";
import { redisLeases } from "../../maintenance/schedule/redis-leases.ts";
import type { ScheduleLeases } from "../../maintenance/schedule/schedule-leases.ts";
import { startScheduler, type Scheduler } from "../../maintenance/schedule/scheduler.ts";
import type { MaintenanceTask } from "../../maintenance/task.ts";
import { automaticBackup } from "../../maintenance/tasks/backup-task.ts";
import { damagedEntries, expiredEntries, unusedEntries } from "../../maintenance/tasks/cleanup.ts";
import { dropDeadLetters, retryDeadLetters } from "../../maintenance/tasks/dead-letters.ts";
import { archiveConversations, oldMessageEmbeddings, orphanedHistory } from "../../maintenance/tasks/history-tasks.ts";
import { orphanedQuestions } from "../../maintenance/tasks/orphaned-questions.ts";
import { optimizeTables, reindexTables } from "../../maintenance/tasks/tables-tasks.ts";
import type { MaintenanceJob } from "../config/maintenance-config.ts";
import type { CheckedConfig } from "../config/read-config.ts";

/** What tasks work on. */
export interface MaintenancePlaces {
  readonly tiers: readonly CacheTier[];
  readonly sql: SqlClient;
  /** What a backup holds. */
  readonly parts: () => readonly BackupPart[];
}

/** Starts the schedule of a config; `undefined` where it names no jobs. What is wrong with a job was found before, by the check of the config. */
export function maintenancePart(
  config: CheckedConfig,
  places: MaintenancePlaces,
  observer: Observer | undefined,
): { close(): Promise<void>; readonly scheduler: Scheduler } | undefined {
  const { maintenance, clock, random } = config;
  if (maintenance === undefined || maintenance.jobs.length === 0) return undefined;
  const leases = leasesOf(config, places.sql);
  const scheduler = startScheduler({
    jobs: maintenance.jobs.map((job) => ({
      ...{ task: taskOf(job, places, clock), cron: job.cron, name: job.name, jitter: job.jitter },
      timeZone: job.timeZone ?? maintenance.timeZone,
      budget: { items: job.items, time: job.time },
    })),
    ...{ leases, observer, clock, random },
  });
  return {
    scheduler,
    async close() {
      await scheduler.close();
      await leases?.close?.();
    },
  };
}

/** The database first: a failover of Redis may lose what was taken. */
function leasesOf({ maintenance, postgres, redis }: CheckedConfig, sql: SqlClient): ScheduleLeases | undefined {
  const leases = maintenance?.leases ?? (postgres !== undefined ? "postgres" : redis !== undefined ? "redis" : "process");
  if (leases === "postgres") return postgresLeases(sql);
  return leases === "redis" && redis !== undefined ? redisLeases({ client: redis }) : undefined;
}

function taskOf(job: MaintenanceJob, { tiers, sql, parts }: MaintenancePlaces, clock: Clock | undefined): MaintenanceTask {
  switch (job.task) {
    case "expired-entries":
      return expiredEntries({ tiers, clock });
    case "damaged-entries":
      return damagedEntries({ tiers, clock });
    case "orphaned-questions":
      return orphanedQuestions({ tiers, clock });
    case "unused-entries":
      return unusedEntries({ tiers, olderThan: job.olderThan, clock, maxHits: job.maxHits });
    case "archive-conversations":
      return archiveConversations({ sql, olderThan: job.olderThan, clock });
    case "old-message-embeddings":
      return oldMessageEmbeddings({ sql, olderThan: job.olderThan, clock });
    case "drop-dead-letters":
      return dropDeadLetters({ sql, olderThan: job.olderThan, clock });
    case "retry-dead-letters":
      return retryDeadLetters({ sql, clock });
    case "orphaned-history":
      return orphanedHistory({ sql, clock });
    case "optimize-tables":
      return optimizeTables({ sql, clock });
    case "reindex-tables":
      return reindexTables({ sql, clock });
    case "automatic-backup": {
      const { folder, keepLast, keepFor } = job;
      // The cron expression alone says how often.
      return automaticBackup({ folder, parts: parts(), keepLast, keepFor, every: "1s", clock });
    }
  }
}
