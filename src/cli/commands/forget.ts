/** `strata forget`: removes everything of a tenant, a user or an owner of conversations, and writes a receipt. */
import { parseArgs } from "node:util";
import { forgettingLog } from "../../maintenance/backup/forgetting-log.ts";
import type { SystemForgetReceipt } from "../../system/forgetting.ts";
import { UsageError, type Command, type Terminal } from "../command.ts";
import { SYSTEM_OPTIONS, SYSTEM_USAGE, withStrata } from "../open-strata.ts";
import { scopeFrom, SCOPE_OPTIONS } from "../scope-options.ts";

export const forget: Command = {
  name: "forget",
  summary: "remove all that is kept of a tenant, a user or an owner of conversations",
  usage: `Usage: strata forget [--tenant T] [--feature F] [--owner ID | --user U] [--forgotten-log FILE] [--json]

  --owner ID, --user U
                    this person, everywhere; the two mean the same
  --tenant T, --feature F
                    this scope and the scopes within it; with --owner, this person within it alone
  --forgotten-log FILE
                    where it is noted too, beside forgotten.log of the data folder: keep it with the backups
${SYSTEM_USAGE}

Removes cached answers in every tier and index, documents, and conversations with their summaries, vectors and queues. It is noted before anything is removed: a restore of a backup from before leaves them out. Prints a receipt: what was removed, by place. Exit code 1 when some place could not do it: run it again once that is back.`,
  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...SYSTEM_OPTIONS,
        ...SCOPE_OPTIONS,
        owner: { type: "string" },
        "forgotten-log": { type: "string" },
        json: { type: "boolean" },
      },
      strict: true,
    });
    const scope = scopeFrom(values);
    const { owner: ownerId, "forgotten-log": path } = values;
    if (scope === undefined && ownerId === undefined) throw new UsageError("Whose? Give --tenant, --user, --feature or --owner.");
    for (const name of ["owner", "user", "tenant", "feature"] as const) {
      if (values[name] === "") throw new UsageError(`--${name} is empty: whose?`);
    }
    const forgotten = path === undefined ? undefined : forgettingLog({ path });
    const receipt = await withStrata(values, terminal, (strata) => strata.forget({ scope, ownerId }, { forgotten }));
    if (values.json === true) terminal.out(JSON.stringify(receipt));
    else tell(receipt, terminal);
    return receipt.complete ? 0 : 1;
  },
};

function tell({ cache, documents, conversations, failed }: SystemForgetReceipt, terminal: Terminal): void {
  for (const [tier, entries] of Object.entries(cache?.removed ?? {})) terminal.out(`cache, ${tier}: ${entries} removed`);
  if (documents !== undefined) terminal.out(`documents: ${documents} removed`);
  if (conversations !== undefined) {
    const { messages, conversations: talks, summaries, deadLetters, owners } = conversations;
    terminal.out(
      `conversations: ${talks} removed, with ${messages} messages, ${summaries} summaries, ${deadLetters} dead letters`,
    );
    terminal.out(`owners: ${owners} forgotten by conversations and memory`);
  }
  for (const [place, why] of Object.entries(failed)) terminal.out(`${place}: NOT removed (${why})`);
}
