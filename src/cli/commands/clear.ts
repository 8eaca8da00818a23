/** `strata clear`: removes entries of the cache. */
import { parseArgs } from "node:util";
import { UsageError, type Command } from "../command.ts";
import { SYSTEM_OPTIONS, SYSTEM_USAGE, withStrata } from "../open-strata.ts";
import { scopeFrom, SCOPE_OPTIONS } from "../scope-options.ts";

export const clear: Command = {
  name: "clear",
  summary: "remove entries of the cache: all, or by tag, tier or scope",
  usage: `Usage: strata clear (--all | --tag TAG | --pattern PATTERN | --tier TIER | --tenant T --user U --feature F) [--json]

  --all             everything
  --tag TAG         entries with this label
  --pattern PATTERN entries with a label that matches; * stands for any characters
  --tier TIER       of this tier alone: memory, disk, redis, archive
  --tenant, --user, --feature
                    of this scope, and of the scopes within it
${SYSTEM_USAGE}

Other processes that share the folder or the Redis no longer find what was removed; their own memory is told where Redis is shared.`,
  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...{ ...SYSTEM_OPTIONS, ...SCOPE_OPTIONS },
        ...{ all: { type: "boolean" }, tag: { type: "string" }, pattern: { type: "string" }, tier: { type: "string" } },
        json: { type: "boolean" },
      },
      strict: true,
    });
    const { tag, tier, pattern, all } = values;
    const scope = scopeFrom(values);
    const isSelected = tag !== undefined || tier !== undefined || scope !== undefined;
    if (pattern !== undefined && (isSelected || all === true)) throw new UsageError("--pattern goes alone.");
    if (!isSelected && pattern === undefined && all !== true)
      throw new UsageError("What is to be removed? --all for everything.");
    if (isSelected && all === true) throw new UsageError("--all goes alone.");
    const removed = await withStrata(values, terminal, ({ cache }) =>
      pattern === undefined
        ? cache.clear({ ...(tag !== undefined && { tag }), ...(tier !== undefined && { tier }), ...(scope && { scope }) })
        : cache.invalidate(pattern),
    );
    if (values.json === true) terminal.out(JSON.stringify({ removed }));
    else terminal.out(`Removed ${removed} ${removed === 1 ? "entry" : "entries"}.`);
    return 0;
  },
};
