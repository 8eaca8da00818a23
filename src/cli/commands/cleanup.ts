/** `strata cleanup`: removes what nobody needs. */
import { parseArgs } from "node:util";
import type { Duration } from "../../core/options.ts";
import type { MaintenanceTask } from "../../maintenance/task.ts";
import { damagedEntries, expiredEntries, oldEmbeddings, unusedEntries } from "../../maintenance/tasks/cleanup.ts";
import { dropDeadLetters, retryDeadLetters } from "../../maintenance/tasks/dead-letters.ts";
import { archiveConversations, oldMessageEmbeddings, orphanedHistory } from "../../maintenance/tasks/history-tasks.ts";
import { orphanedQuestions } from "../../maintenance/tasks/orphaned-questions.ts";
import type { Command } from "../command.ts";
import { openPlaces, PLACE_OPTIONS, PLACE_USAGE } from "../places.ts";
import { runTasks } from "../run-tasks.ts";

export const cleanup: Command = {
  name: "cleanup",
  summary: "remove what has expired, is damaged, or belongs to nothing",
  usage: `Usage: strata cleanup [--plan] [--data DIR] [--redis URL] [--database URL] [--unused 30d] [--json]

${PLACE_USAGE}
  --plan          says what would be done, and writes nothing
  --unused        also entries that nobody has asked for in so long, and at most --max-hits times before
  --max-hits      default: 1
  --embeddings    also vectors that nobody has used in so long
  --archive       also moves conversations to the archive to which nothing was added for so long
  --retry         also tries again to store dead letters
  --dead-letters  also drops dead letters that are so old
  --time          ends each task after so long: 5m
  --json          prints { "plan": false, "tasks": [...] }

Without the options of "also": expired and damaged entries, questions without an answer, rows of the history that belong to nothing.`,
  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...PLACE_OPTIONS,
        plan: { type: "boolean" },
        unused: { type: "string" },
        "max-hits": { type: "string" },
        embeddings: { type: "string" },
        archive: { type: "string" },
        retry: { type: "boolean" },
        "dead-letters": { type: "string" },
        time: { type: "string" },
        json: { type: "boolean" },
      },
      strict: true,
    });
    const places = await openPlaces(values, terminal);
    try {
      const tiers = places.tiers.map(({ tier }) => tier);
      const { sql } = places;
      const tasks: MaintenanceTask[] = [];
      if (tiers.length > 0) {
        tasks.push(expiredEntries({ tiers }), damagedEntries({ tiers }), orphanedQuestions({ tiers }));
        const maxHits = values["max-hits"] === undefined ? undefined : Number(values["max-hits"]);
        if (values.unused !== undefined) tasks.push(unusedEntries({ tiers, olderThan: values.unused as Duration, maxHits }));
        if (values.embeddings !== undefined) tasks.push(oldEmbeddings({ tiers, olderThan: values.embeddings as Duration }));
      }
      if (sql !== undefined) {
        tasks.push(orphanedHistory({ sql }));
        if (values.embeddings !== undefined) tasks.push(oldMessageEmbeddings({ sql, olderThan: values.embeddings as Duration }));
        if (values.archive !== undefined) tasks.push(archiveConversations({ sql, olderThan: values.archive as Duration }));
        if (values.retry === true) tasks.push(retryDeadLetters({ sql }));
        const dead = values["dead-letters"];
        if (dead !== undefined) tasks.push(dropDeadLetters({ sql, olderThan: dead as Duration }));
      }
      const options = { plan: values.plan === true, json: values.json === true, time: values.time as Duration | undefined };
      return await runTasks(tasks, options, terminal);
    } finally {
      await places.close();
    }
  },
};
