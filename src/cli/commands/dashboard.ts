/** `strata dashboard`: the web dashboard of what lies in a data folder, or of what a config describes. */
import { parseArgs } from "node:util";
import { waitOrAbort } from "../../core/abort.ts";
import type { Command } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { countOf, SYSTEM_OPTIONS, SYSTEM_USAGE, withStrata } from "../open-strata.ts";

const PORT = 7_420;

export const dashboard: Command = {
  name: "dashboard",
  summary: "open the web dashboard",
  usage: `Usage: strata dashboard [--port N] [--token T] [--host ADDRESS] [--allow-writes] [--show-prompts] [--config FILE] [--data DIR]

  --port N          default: ${PORT}; 0 takes a free one
  --token T         who has it is let in; default: STRATA_TOKEN, else a new one, which is not printed: the link is
  --host ADDRESS    the address to bind; default: 127.0.0.1, which only this machine reaches
  --allow-writes    lets visitors delete entries, clear tiers and give feedback
  --show-prompts    lets visitors read stored prompts, answers and messages
${SYSTEM_USAGE}

Prints an address that opens the dashboard in one browser, once. Scripts send \`Authorization: Bearer TOKEN\` to /api/stats and others.`,
  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...SYSTEM_OPTIONS,
        port: { type: "string" },
        token: { type: "string" },
        host: { type: "string" },
        "allow-writes": { type: "boolean" },
        "show-prompts": { type: "boolean" },
      },
      strict: true,
    });
    const token = values.token ?? terminal.environment["STRATA_TOKEN"];
    return withStrata(values, terminal, async (strata) => {
      await strata.begin();
      // The disk tier is opened, and counts its entries, when it is first asked for one.
      await strata.cache.get("strata:dashboard", { scope: "global" });
      const opened = await strata.startDashboard({
        port: countOf("port", values.port) ?? PORT,
        host: values.host,
        token: token === "" ? undefined : token,
        allowWrites: values["allow-writes"],
        showPrompts: values["show-prompts"],
      });
      terminal.out(opened.link());
      terminal.note(`The dashboard is at ${opened.url}; the link above opens it once. Ctrl-C ends it.`);
      const interrupt = untilInterrupted();
      try {
        await waitOrAbort(new Promise<never>(() => undefined), interrupt.signal).catch(() => undefined);
        return 0;
      } finally {
        interrupt.release();
        await opened.close();
      }
    });
  },
};
