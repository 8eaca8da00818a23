/** `strata recall`: asks the memory of an owner, and says why it answers as it does. */
import { parseArgs } from "node:util";
import { scopedOwner } from "../../history/scoped-owner.ts";
import { UsageError, type Command } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { countOf, SYSTEM_OPTIONS, SYSTEM_USAGE, withStrata } from "../open-strata.ts";
import { scopeFrom, SCOPE_OPTIONS } from "../scope-options.ts";
import { formatMs, formatTable, shorten } from "../table.ts";

export const recall: Command = {
  name: "recall",
  summary: "ask what an owner has said before",
  usage: `Usage: strata recall QUERY --owner ID [--tenant T] [--feature F] [--session ID] [--k N] [--json]

  --owner ID        whose memory
  --tenant, --feature
                    the scope that the owner talked in
  --session ID      the session that comes first
  --k N             messages at most; default: the config's, else 10
${SYSTEM_USAGE}`,
  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: {
        ...SYSTEM_OPTIONS,
        ...{ tenant: SCOPE_OPTIONS.tenant, feature: SCOPE_OPTIONS.feature },
        ...{ owner: { type: "string" }, session: { type: "string" }, k: { type: "string" }, json: { type: "boolean" } },
      },
      allowPositionals: true,
      strict: true,
    });
    const { owner, session } = values;
    const query = positionals.join(" ");
    if (query.trim() === "") throw new UsageError("What is to be recalled?");
    if (owner === undefined) throw new UsageError("Whose memory? Give --owner.");
    const ownerId = scopedOwner(owner, scopeFrom(values));
    const k = countOf("k", values.k);
    const interrupt = untilInterrupted();
    try {
      const found = await withStrata(values, terminal, ({ memory }) =>
        memory.recall(query, {
          ...{ ownerId, signal: interrupt.signal },
          ...(session !== undefined && { sessionId: session }),
          ...(k !== undefined && { k }),
        }),
      );
      if (values.json === true) {
        const documents = found.documents.map(({ pageContent, metadata }) => ({ pageContent, metadata }));
        terminal.out(JSON.stringify({ ...found, documents }));
        return 0;
      }
      const rows = found.documents.map(({ pageContent, metadata }) => [
        metadata.createdAt.slice(0, 16).replace("T", " "),
        metadata.name ?? metadata.role,
        metadata.source,
        shorten(pageContent.replaceAll(/\s+/g, " "), 70),
      ]);
      if (rows.length > 0) terminal.out(formatTable(["When (UTC)", "Who", "By", "What"], rows));
      terminal.out(`${found.contextSummary} ${found.strategy}, ${formatMs(found.latencyMs)}: ${found.reason}`);
      return 0;
    } finally {
      interrupt.release();
    }
  },
};
