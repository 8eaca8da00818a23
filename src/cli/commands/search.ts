/** `strata search QUERY`: what a question finds in the documents of a system. */
import { parseArgs } from "node:util";
import { UsageError, type Command } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { countOf, SYSTEM_OPTIONS, SYSTEM_USAGE, withStrata } from "../open-strata.ts";
import { SCOPE_OPTIONS, scopeFrom } from "../scope-options.ts";
import { formatTable, shorten } from "../table.ts";

export const search: Command = {
  name: "search",
  summary: "find in the documents that were added",
  usage: `Usage: strata search QUERY [--k N] [--tenant ID] [--user ID] [--feature NAME] [--json]

  --k N             results at most; default: the config's, else 5
  --tenant, --user, --feature
                    whose documents; default: everybody's
  --json            prints [ { pageContent, metadata } ], best first
${SYSTEM_USAGE}`,
  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...SYSTEM_OPTIONS, ...SCOPE_OPTIONS, k: { type: "string" }, json: { type: "boolean" } },
      allowPositionals: true,
      strict: true,
    });
    const query = positionals.join(" ");
    if (query.trim() === "") throw new UsageError("What is to be found?");
    const k = countOf("k", values.k);
    const scope = scopeFrom(values);
    const interrupt = untilInterrupted();
    try {
      const found = await withStrata(values, terminal, (strata) =>
        strata.search(query, { signal: interrupt.signal, ...(k !== undefined && { k }), ...(scope !== undefined && { scope }) }),
      );
      if (values.json === true) {
        terminal.out(JSON.stringify(found.map(({ pageContent, metadata }) => ({ pageContent, metadata }))));
        return 0;
      }
      const rows = found.map(({ pageContent, metadata: { documentId, chunk, similarity } }) => [
        `${documentId}, ${chunk + 1}`,
        similarity === undefined ? "words" : similarity.toFixed(2),
        shorten(pageContent.replaceAll(/\s+/g, " "), 80),
      ]);
      terminal.out(rows.length === 0 ? "Nothing was found." : formatTable(["Document, part", "Cosine", "What"], rows));
      return 0;
    } finally {
      interrupt.release();
    }
  },
};
