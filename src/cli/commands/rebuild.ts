/** `strata rebuild WHAT`: makes whole what was destroyed, out of what is left. */
import { parseArgs } from "node:util";
import { rebuildSearch, rebuildTier, type RebuildReport } from "../../maintenance/rebuild.ts";
import { UsageError, type Command } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { openPlaces, PLACE_OPTIONS, PLACE_USAGE, type Places } from "../places.ts";

export const rebuild: Command = {
  name: "rebuild",
  summary: "make a destroyed tier or the search whole again, from what is left",
  usage: `Usage: strata rebuild cache|embeddings|archive|redis|search [--data DIR] [--redis URL] [--database URL] [--json]

${PLACE_USAGE}
  --json      prints { "restored": number, "lost": [...] }

A tier is filled from the other tiers; the search over the history from its messages. Windows of the history in Redis fill
themselves from PostgreSQL. Vectors need the embedding model: rebuildVectors() and reembedMessages() in a program.`,
  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...PLACE_OPTIONS, json: { type: "boolean" } },
      allowPositionals: true,
      strict: true,
    });
    const [what, ...more] = positionals;
    if (what === undefined || more.length > 0)
      throw new UsageError("What? Name one of cache, embeddings, archive, redis, search.");
    const interrupt = untilInterrupted();
    const places = await openPlaces(values, terminal, what === "cache" || what === "embeddings");
    try {
      const report = await rebuildOne(what, places, interrupt.signal);
      if (values.json === true) terminal.out(JSON.stringify(report));
      else {
        terminal.out(`Restored: ${report.restored}`);
        for (const lost of report.lost) terminal.out(`Lost: ${lost}`);
      }
      return 0;
    } finally {
      interrupt.release();
      await places.close();
    }
  },
};

async function rebuildOne(what: string, { tiers, sql }: Places, signal: AbortSignal): Promise<RebuildReport> {
  if (what === "search") {
    if (sql === undefined) throw new UsageError("Which database? Give --database, or --data with a history in it.");
    return rebuildSearch({ sql, signal });
  }
  const target = tiers.find(({ name }) => name === what);
  if (target === undefined) throw new UsageError(`There is no ${what} in the places that you named.`);
  // Vectors and answers lie in folders of their own, and side by side in Redis.
  const sources = tiers.filter(
    ({ name }) => name !== what && (what === "embeddings" || name !== "embeddings" || what === "redis"),
  );
  if (sources.length === 0) throw new UsageError(`There is nothing to make ${what} of: name more places.`);
  return rebuildTier({ tier: target.tier, from: sources.map(({ tier }) => tier), signal });
}
