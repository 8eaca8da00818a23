/** `strata ingest PATH...`: puts files and folders into the documents of a system; stopped and done again, it goes on where it was. */
import { parseArgs } from "node:util";
import { systemClock } from "../../core/clock.ts";
import type { IngestProgress, IngestReport } from "../../rag/ingest.ts";
import { UsageError, type Command, type Terminal } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { countOf, SYSTEM_OPTIONS, SYSTEM_USAGE, withStrata } from "../open-strata.ts";
import { progressBar } from "../progress-bar.ts";
import { SCOPE_OPTIONS, scopeFrom } from "../scope-options.ts";
import { formatMs } from "../table.ts";

/** Often enough for the eye; a folder may hold a hundred thousand small files. */
const SHOWN_EVERY_MS = 50;

export const ingest: Command = {
  name: "ingest",
  summary: "add files and folders to the documents that are searched",
  usage: `Usage: strata ingest PATH... [--tenant ID] [--user ID] [--feature NAME] [--batch N] [--json]

  PATH              a file (.txt, .md, .pdf with the package unpdf, .json knowledge base), or a folder of them
  --tenant, --user, --feature
                    whose documents these become; default: everybody's
  --batch N         chunks that go in together, at least; default 256
  --json            prints the report: { done, stored, chunks, unchanged, duplicates, removed, failed, stopped, ms }
${SYSTEM_USAGE}

A document's id is its path as given; what is there under it is replaced, and passed over when it is the same. Each goes in whole or
not at all: Ctrl-C ends it after the batch under way, and the same command goes on. Exit code 1 when a file could not be used; the
others are in.`,
  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...SYSTEM_OPTIONS, ...SCOPE_OPTIONS, batch: { type: "string" }, json: { type: "boolean" } },
      allowPositionals: true,
      strict: true,
    });
    if (positionals.length === 0) throw new UsageError("Which files? Name files or folders.");
    const batchSize = countOf("batch", values.batch);
    const scope = scopeFrom(values);
    const interrupt = untilInterrupted();
    try {
      const sources = positionals.map((path) => ({ path }));
      const report = await withStrata(values, terminal, (strata) =>
        strata.addContext(sources, {
          ...{ signal: interrupt.signal, onProgress: shown(terminal) },
          ...(batchSize !== undefined && { batchSize }),
          ...(scope !== undefined && { scope }),
        }),
      );
      terminal.status("");
      const failed = report.failed.map(({ source, error }) => ({ source, error: error.message }));
      if (values.json === true) terminal.out(JSON.stringify({ ...report, failed }));
      else {
        for (const { error } of failed) terminal.note(error);
        terminal.out(summary(report));
      }
      if (report.stopped) return 130;
      return failed.length === 0 ? 0 : 1;
    } finally {
      interrupt.release();
    }
  },
};

function shown(terminal: Terminal): (progress: IngestProgress) => void {
  let last = -Infinity;
  return ({ done, total, chunks, unchanged, failed }) => {
    const now = systemClock.monotonic();
    if (now - last < SHOWN_EVERY_MS && done < total) return;
    last = now;
    const told = [`${done} of ${total}`, `${chunks} chunks`];
    if (unchanged > 0) told.push(`${unchanged} unchanged`);
    if (failed > 0) told.push(`${failed} failed`);
    terminal.status(`${progressBar(done, total)}  ${told.join(", ")}`);
  };
}

function summary({ stored, chunks, unchanged, duplicates, removed, failed, stopped, ms }: IngestReport): string {
  const told = [`${stored} stored (${chunks} chunks)`, `${unchanged} unchanged`];
  if (duplicates > 0) told.push(`${duplicates} there under another name`);
  if (removed > 0) told.push(`${removed} removed`);
  if (failed.length > 0) told.push(`${failed.length} failed`);
  const end = stopped ? " Stopped: what is stored stays, and the same command goes on." : "";
  return `${told.join(", ")}, ${formatMs(ms)}.${end}`;
}
