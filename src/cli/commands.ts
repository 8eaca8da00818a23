/** The subcommands of `strata`, in the order of `strata help`. A new one is a file in `commands/` and a line here. */
import type { Command } from "./command.ts";
import { completion } from "./commands/completion.ts";
import { demo } from "./commands/demo.ts";
import { doctor } from "./commands/doctor.ts";
import { migrate } from "./commands/migrate.ts";
import { worker } from "./commands/worker.ts";

export const COMMANDS: readonly Command[] = [demo, doctor, migrate, worker, completion(() => COMMANDS)];
