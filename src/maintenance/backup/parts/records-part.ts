/** Anything that can be listed and put back, as a part of a backup: prompts, logs of strategies, settings. */
import { StrataConfigError } from "../../../core/errors.ts";
import { parseCount, parseFunction, refuseUnknown } from "../../../core/options.ts";
import type { Digest } from "../../../core/key.ts";
import type { Json } from "../../../core/plain.ts";
import type { BackupPart } from "../backup-part.ts";
import { ownerMark } from "../owner-mark.ts";

export interface ListedRecord {
  readonly value: Json;
  /** Digests of whose it is; default: nobody's. */
  readonly owners?: readonly Digest[] | undefined;
}

export interface RecordsPartOptions {
  /** In the backup: `"prompts"`. */
  readonly name: string;
  /** Of the values; default 1. A backup of a newer one is refused. */
  readonly version?: number | undefined;
  /** Gives every record. */
  readonly list: () => Iterable<ListedRecord> | AsyncIterable<ListedRecord>;
  /** Puts records back; what is there and newer is to stay. Gives how many were written. */
  readonly put: (values: readonly Json[]) => number | Promise<number>;
}

/**
 * Makes a part of two functions.
 * @throws {@link StrataConfigError} naming the option
 * @example
 * ```ts
 * const part = recordsPart({ name: "settings", list: () => [{ value: settings }], put: ([value]) => (apply(value), 1) });
 * ```
 */
export function recordsPart(options: RecordsPartOptions): BackupPart {
  refuseUnknown("recordsPart", options, ["name", "version", "list", "put"]);
  const { list, put } = options;
  if (parseFunction("recordsPart.list", list) === undefined) throw new StrataConfigError("recordsPart.list", list, "a function");
  if (parseFunction("recordsPart.put", put) === undefined) throw new StrataConfigError("recordsPart.put", put, "a function");
  return {
    name: options.name,
    kind: `records:${options.name}`,
    version: parseCount("recordsPart.version", options.version ?? 1),
    async backup(add, { signal }) {
      for await (const { value, owners = [] } of list()) {
        signal?.throwIfAborted();
        await add(owners.map(ownerMark), JSON.stringify(value));
      }
    },
    async restore(batches, { signal }) {
      let [restored, present] = [0, 0];
      for await (const batch of batches) {
        signal?.throwIfAborted();
        const written = await put(batch.map(({ body }) => JSON.parse(body.toString("utf8")) as Json));
        restored += written;
        present += batch.length - written;
      }
      return { restored, present, expired: 0, refused: 0 };
    },
  };
}
