/** `strata backup FILE`: everything that the places hold, in one file. */
import { parseArgs } from "node:util";
import { backup as writeBackup } from "../../maintenance/backup/backup.ts";
import { UsageError, type Command } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { forgottenOf, openPlaces, partsOf, PLACE_OPTIONS, PLACE_USAGE, readKey } from "../places.ts";
import { formatTable } from "../table.ts";

export const backup: Command = {
  name: "backup",
  summary: "write caches and history into one file, while they are in use",
  usage: `Usage: strata backup FILE [--config FILE] [--data DIR] [--redis URL] [--database URL] [--key-file FILE] [--system NAME] [--json]

${PLACE_USAGE}
  --key-file       signs it: a file with a secret of 32 bytes or more, or an Ed25519 private key in PEM
  --system         whose backup it is; restored only by who names the same
  --forgotten-log  who was forgotten, besides those in forgotten.log of --data; they are left out
  --json           prints the report as JSON

An interrupted backup leaves FILE.partial; the same command goes on with it. PGlite is one process's at a time: stop the program first.`,
  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: {
        ...PLACE_OPTIONS,
        "key-file": { type: "string" },
        system: { type: "string" },
        "forgotten-log": { type: "string" },
        json: { type: "boolean" },
      },
      allowPositionals: true,
      strict: true,
    });
    const [to, ...more] = positionals;
    if (to === undefined || more.length > 0) throw new UsageError("Where to? Name one file.");
    const key = readKey(values["key-file"]);
    const interrupt = untilInterrupted();
    const places = await openPlaces(values, terminal);
    try {
      const parts = partsOf(places);
      if (parts.length === 0) throw new UsageError("There is nothing to back up in the places that you named.");
      const report = await writeBackup({
        ...{ to, parts, key, signal: interrupt.signal },
        ...(values.system !== undefined && { system: values.system }),
        forgotten: forgottenOf(places, values["forgotten-log"]),
        onProgress: ({ part, records, bytes }) => terminal.status(`${part}: ${records} records, ${megabytes(bytes)} MB`),
      });
      terminal.status("");
      if (values.json === true) terminal.out(JSON.stringify(report));
      else {
        const rows = report.parts.map(({ name, records, bytes }) => [name, String(records), megabytes(bytes)]);
        terminal.out(formatTable(["part", "records", "MB"], rows));
        terminal.out(`${report.path}: ${megabytes(report.bytes)} MB, ${signed(report.signature)}`);
      }
      return 0;
    } finally {
      interrupt.release();
      await places.close();
    }
  },
};

export function megabytes(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(1);
}

/** What a signature, or none, is worth. */
export function signed(signature: string): string {
  return signature === "none" ? "not signed: damage will be found, a forger will not" : `signed with ${signature}`;
}
