/** `strata forget`: removes everything of a tenant, a user or an owner of conversations, and writes a receipt. */
import { parseArgs } from "node:util";
import { UsageError, type Command } from "../command.ts";
import { readSystem, SYSTEM_OPTIONS, SYSTEM_USAGE, withStrata } from "../open-strata.ts";
import { forgottenOf } from "../places.ts";
import { scopeFrom, SCOPE_OPTIONS } from "../scope-options.ts";

export const forget: Command = {
  name: "forget",
  summary: "remove all that is kept of a tenant, a user or an owner of conversations",
  usage: `Usage: strata forget (--tenant T --user U --feature F | --owner ID) [--forgotten-log FILE] [--json]

  --tenant, --user, --feature
                    answers of this scope and of the scopes within it, in every tier and index
  --owner ID        conversations of this owner, with their summaries, vectors and queues
  --forgotten-log FILE
                    where it is noted too, beside forgotten.log of the data folder: keep it with the backups
${SYSTEM_USAGE}

It is noted before anything is removed: a restore of a backup from before leaves them out. Prints a receipt: what was removed, by part. Exit code 1 when some part could not do it: run it again once that is back.`,
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
    const { owner } = values;
    if (scope === undefined && owner === undefined) throw new UsageError("Whose? Give --tenant, --user, --feature or --owner.");
    const { data } = await readSystem(values, terminal);
    await forgottenOf({ data }, values["forgotten-log"]).add({ scope, ownerId: owner });
    const receipt = await withStrata(values, terminal, async ({ cache, conversations }) => ({
      ...(scope !== undefined && { cache: await cache.forget(scope) }),
      ...(owner !== undefined && { conversations: await conversations.forget({ ownerId: owner }) }),
    }));
    const isComplete = receipt.cache?.complete !== false;
    if (values.json === true) terminal.out(JSON.stringify({ complete: isComplete, ...receipt }));
    else {
      for (const [tier, entries] of Object.entries(receipt.cache?.removed ?? {})) terminal.out(`${tier}: ${entries} removed`);
      for (const [tier, why] of Object.entries(receipt.cache?.failed ?? {})) terminal.out(`${tier}: NOT removed (${why})`);
      if (receipt.conversations !== undefined) terminal.out(`conversations: ${JSON.stringify(receipt.conversations)}`);
    }
    return isComplete ? 0 : 1;
  },
};
