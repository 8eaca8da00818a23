/** The payload of a sealed entry outside of a lookup: read, or packed anew for a tier that wants it smaller. */
import { open, seal } from "../core/envelope.ts";
import { decompress, type Compression } from "./compression.ts";
import type { Effort } from "./compressions/plan.ts";
import type { TierEntry } from "./tier.ts";

/** `undefined` for what cannot be read. */
export async function readPayload({ key, scope, value }: TierEntry): Promise<Buffer | undefined> {
  if (scope === undefined) return undefined;
  try {
    const { codec, payload, rawLength } = open(value, key, scope);
    return (await decompress(codec, payload, rawLength)) as Buffer;
  } catch {
    return undefined;
  }
}

/** The entry with a smaller payload, or as it is where none is won; what is packed already is packed harder only by `"best"`. */
export async function repack(entry: TierEntry, effort: Exclude<Effort, "none">, compression: Compression): Promise<TierEntry> {
  if (entry.scope === undefined) return entry;
  const envelope = open(entry.value, entry.key, entry.scope);
  if (envelope.codec !== 0 && effort === "fast") return entry;
  const raw = await decompress(envelope.codec, envelope.payload, envelope.rawLength);
  const { codec, bytes } = await compression.compress(raw, { effort });
  if (bytes.byteLength >= envelope.payload.byteLength) return entry;
  const value = seal({ ...envelope, key: entry.key, scope: entry.scope, codec, payload: bytes });
  return { ...entry, value };
}
