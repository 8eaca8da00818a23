/** `strata stats`: what the tiers of a system hold, or what a running server has done. */
import { parseArgs } from "node:util";
import { UsageError, type Command, type Terminal } from "../command.ts";
import { SYSTEM_OPTIONS, SYSTEM_USAGE, withStrata } from "../open-strata.ts";
import { formatBytes, formatTable } from "../table.ts";

const DEADLINE_MS = 10_000;

export const stats: Command = {
  name: "stats",
  summary: "show what the tiers hold, or what a running server did",
  usage: `Usage: strata stats [--config FILE] [--data DIR] [--json]
       strata stats --url URL [--token TOKEN] [--json]

${SYSTEM_USAGE}
  --url URL         of a running \`strata serve\`: its counts, which other processes do not have
  --token TOKEN     of that server; default: STRATA_TOKEN

What is held is read from the tiers. Hits and misses are counted by each process for itself.`,
  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: { ...SYSTEM_OPTIONS, url: { type: "string" }, token: { type: "string" }, json: { type: "boolean" } },
      strict: true,
    });
    const found =
      values.url === undefined
        ? await withStrata(values, terminal, async (strata) => {
            // The disk tier counts its entries when it is first asked for one.
            await strata.cache.get("strata:stats", { scope: "global" });
            return strata.stats();
          })
        : await ask(values.url, values.token ?? terminal.environment["STRATA_TOKEN"]);
    if (values.json === true) terminal.out(JSON.stringify(found));
    else show(found as Shown, terminal);
    return 0;
  },
};

interface Shown {
  readonly cache: {
    readonly hits: number;
    readonly misses: number;
    readonly saved?: { readonly tokens?: number };
    readonly tiers: readonly {
      readonly name: string;
      readonly state: string;
      readonly entries?: number;
      readonly bytes?: number;
      readonly hits: number;
      readonly p50: number;
      readonly faults: number;
    }[];
  };
}

function show({ cache }: Shown, terminal: Terminal): void {
  const rows = cache.tiers.map((tier) => [
    tier.name,
    tier.state,
    tier.entries === undefined || tier.entries === null ? "?" : String(tier.entries),
    tier.bytes === undefined || tier.bytes === null ? "?" : formatBytes(tier.bytes),
    String(tier.hits),
    String(tier.faults),
  ]);
  terminal.out(formatTable(["Tier", "State", "Entries", "Size", "Hits", "Faults"], rows));
  const counts = `${cache.hits} hits, ${cache.misses} misses in this process.`;
  terminal.out(terminal.paint?.("faint", counts) ?? counts);
}

async function ask(url: string, token: string | undefined): Promise<unknown> {
  if (!URL.canParse(url))
    throw new UsageError(`--url takes an address such as http://127.0.0.1:8787, not ${JSON.stringify(url)}.`);
  const response = await fetch(new URL("/stats", url), {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    redirect: "error",
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  if (!response.ok)
    throw new Error(`The server answered with ${response.status}${response.status === 401 ? ": give --token" : ""}.`);
  return response.json();
}
