/** The subcommands of `strata`, in the order of `strata help`. A new one is a file in `commands/` and a line here. */
import type { Command } from "./command.ts";
import { backup } from "./commands/backup.ts";
import { cleanup } from "./commands/cleanup.ts";
import { bench } from "./commands/bench.ts";
import { clear } from "./commands/clear.ts";
import { completion } from "./commands/completion.ts";
import { dashboard } from "./commands/dashboard.ts";
import { demo } from "./commands/demo.ts";
import { doctor } from "./commands/doctor.ts";
import { forget } from "./commands/forget.ts";
import { ingest } from "./commands/ingest.ts";
import { migrate } from "./commands/migrate.ts";
import { optimize } from "./commands/optimize.ts";
import { rebuild } from "./commands/rebuild.ts";
import { recall } from "./commands/recall.ts";
import { restore } from "./commands/restore.ts";
import { search } from "./commands/search.ts";
import { serve } from "./commands/serve.ts";
import { stats } from "./commands/stats.ts";
import { top } from "./commands/top.ts";
import { warm } from "./commands/warm.ts";
import { worker } from "./commands/worker.ts";

export const COMMANDS: readonly Command[] = [
  demo,
  doctor,
  stats,
  top,
  dashboard,
  ingest,
  search,
  recall,
  warm,
  clear,
  forget,
  backup,
  restore,
  cleanup,
  optimize,
  rebuild,
  bench,
  migrate,
  worker,
  serve,
  completion(() => COMMANDS),
];
