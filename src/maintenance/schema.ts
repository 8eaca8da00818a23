/**
 * The tables of maintenance, in PostgreSQL 14 or later and in PGlite.
 *
 * | table | holds |
 * | --- | --- |
 * | `strata_schedule` | of each scheduled job: which time was taken last, by whom, until when |
 * | `strata_erased` | of each table: how many deletions there had been when it was written anew |
 */
import type { Migration } from "../clients/migrate.ts";

export const MAINTENANCE_MIGRATIONS: readonly Migration[] = [
  {
    number: 1,
    name: "create the schedule",
    statements: [
      `CREATE TABLE strata_schedule (
        job text COLLATE "C" PRIMARY KEY,
        slot bigint NOT NULL,
        token bigint NOT NULL,
        held_until timestamptz NOT NULL
      )`,
      "COMMENT ON COLUMN strata_schedule.slot IS 'Unix milliseconds: the latest time of the job that somebody took'",
      "COMMENT ON COLUMN strata_schedule.token IS 'Grows with each taking: what comes with an older one is too late'",
      'CREATE TABLE strata_erased (name text COLLATE "C" PRIMARY KEY, mark bigint NOT NULL)',
    ],
  },
];
