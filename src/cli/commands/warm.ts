/** `strata warm`: asks the model ahead of time what people are going to ask. */
import { parseArgs } from "node:util";
import { UsageError, type Command } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { countOf, SYSTEM_OPTIONS, SYSTEM_USAGE, withStrata } from "../open-strata.ts";
import { readQuestions } from "../questions-file.ts";

export const warm: Command = {
  name: "warm",
  summary: "ask the model ahead of time what people are going to ask",
  usage: `Usage: strata warm --questions FILE [--concurrency N] [--json]

  --questions FILE  a text file with one a line, or a JSON array of texts
  --concurrency N   questions at the same time; default 4
${SYSTEM_USAGE}

The config names the model. Questions whose answer is there already cost nothing. Ctrl-C ends it: what is done stays.
Exit code 1 when a question failed.`,
  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...SYSTEM_OPTIONS,
        ...{ questions: { type: "string" }, concurrency: { type: "string" }, json: { type: "boolean" } },
      },
      strict: true,
    });
    if (values.questions === undefined) throw new UsageError("Which questions? Give --questions FILE.");
    const questions = readQuestions(values.questions);
    const concurrency = countOf("concurrency", values.concurrency);
    const interrupt = untilInterrupted();
    try {
      const report = await withStrata(values, terminal, async (strata) =>
        strata.cache.warm(questions, {
          ...{ model: await strata.model(), signal: interrupt.signal },
          ...(concurrency !== undefined && { concurrency }),
          onProgress: ({ done, hits, filled, failed }) =>
            terminal.status(`${done} of ${questions.length}: ${filled} new, ${hits} known, ${failed} failed`),
        }),
      );
      terminal.status("");
      const { done, hits, filled, stopped, ms } = report;
      const failed = report.failed.map(({ query, error }) => ({
        query,
        error: error instanceof Error ? error.message : String(error),
      }));
      if (values.json === true) terminal.out(JSON.stringify({ done, hits, filled, stopped, ms, failed }));
      else {
        terminal.out(
          `${done} asked: ${filled} new, ${hits} were there already, ${failed.length} failed${stopped ? "; stopped" : ""}.`,
        );
        for (const { query, error } of failed) terminal.note(`${query}: ${error}`);
      }
      if (stopped) return 130;
      return failed.length === 0 ? 0 : 1;
    } finally {
      interrupt.release();
    }
  },
};
