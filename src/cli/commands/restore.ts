/** `strata restore FILE`: puts a backup back, or only looks at it. */
import { parseArgs } from "node:util";
import { restore as restoreBackup } from "../../maintenance/backup/restore.ts";
import { verifyBackup, type BackupVerification } from "../../maintenance/backup/verify.ts";
import { UsageError, type Command, type Terminal } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { forgottenOf, openPlaces, partsOf, PLACE_OPTIONS, PLACE_USAGE, readKey } from "../places.ts";
import { formatTable } from "../table.ts";
import { megabytes, signed } from "./backup.ts";

export const restore: Command = {
  name: "restore",
  summary: "put a backup back, or verify it",
  usage: `Usage: strata restore FILE [--verify] [--config FILE] [--data DIR] [--redis URL] [--database URL] [--key-file FILE] [--system NAME] [--json]

${PLACE_USAGE}
  --verify         reads it from beginning to end, and writes nothing
  --key-file       of the signature: the secret, or the Ed25519 key in PEM
  --system         whose backup it must be
  --into           NAME=PLACE: what the backup calls NAME goes to PLACE (cache, embeddings, archive, redis); may be repeated
  --skip           a part that is not restored; may be repeated
  --forgotten-log  who was forgotten, besides those in forgotten.log of --data; they do not come back
  --json           prints the report as JSON

The whole file is checked before anything is written. What the places have and is newer stays.`,
  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: {
        ...PLACE_OPTIONS,
        verify: { type: "boolean" },
        "key-file": { type: "string" },
        system: { type: "string" },
        into: { type: "string", multiple: true },
        skip: { type: "string", multiple: true },
        "forgotten-log": { type: "string" },
        json: { type: "boolean" },
      },
      allowPositionals: true,
      strict: true,
    });
    const [from, ...more] = positionals;
    if (from === undefined || more.length > 0) throw new UsageError("Which backup? Name one file.");
    const key = readKey(values["key-file"]);
    const interrupt = untilInterrupted();
    try {
      const found = await verifyBackup({ from, key, signal: interrupt.signal });
      if (values.verify === true) {
        if (values.json === true) terminal.out(JSON.stringify(found));
        else tellVerified(found, terminal);
        return 0;
      }
      const places = await openPlaces(values, terminal, true);
      try {
        const into = new Map((values.into ?? []).map(pair));
        const goesTo = ({ name }: { readonly name: string }): string => into.get(name) ?? name;
        const skip = [...(values.skip ?? [])];
        const own = new Map(partsOf(places).map((part) => [part.name, part]));
        const parts = found.parts.flatMap((part) => {
          const target = skip.includes(part.name) ? undefined : own.get(goesTo(part));
          return target === undefined ? [] : [{ ...target, name: part.name }];
        });
        const missing = found.parts.filter(({ name }) => !skip.includes(name) && !parts.some((part) => part.name === name));
        if (missing.length > 0) {
          const names = missing.map(({ name }) => name).join(", ");
          throw new UsageError(`Where do these parts go: ${names}? Name their place, give --into, or --skip them.`);
        }
        const report = await restoreBackup({
          ...{ from, parts, skip, key, signal: interrupt.signal },
          ...(values.system !== undefined && { system: values.system }),
          forgotten: forgottenOf(places, values["forgotten-log"]),
          onProgress: ({ part, records }) => terminal.status(`${part}: ${records} records`),
        });
        terminal.status("");
        if (values.json === true) terminal.out(JSON.stringify(report));
        else {
          const columns = ["restored", "present", "expired", "refused", "forgotten"] as const;
          const rows = report.parts.map((part) => [part.name, ...columns.map((column) => String(part[column]))]);
          terminal.out(formatTable(["part", ...columns], rows));
        }
        return 0;
      } finally {
        await places.close();
      }
    } finally {
      interrupt.release();
    }
  },
};

function tellVerified({ parts, createdAt, system, signature, authentic }: BackupVerification, terminal: Terminal): void {
  terminal.out(
    formatTable(
      ["part", "records", "MB"],
      parts.map(({ name, records, bytes }) => [name, String(records), megabytes(bytes)]),
    ),
  );
  const whose = system === undefined ? "" : ` of ${system}`;
  const checked = authentic
    ? "the signature is right"
    : signature === "none"
      ? signed(signature)
      : "signed; NOT checked, no key was given";
  terminal.out(`Whole. Begun ${new Date(createdAt).toISOString()}${whose}; ${checked}.`);
}

function pair(text: string): [string, string] {
  const [name, place] = text.split("=");
  if (name === undefined || place === undefined || place === "") throw new UsageError(`--into ${text}: write it as NAME=PLACE.`);
  return [name, place];
}
