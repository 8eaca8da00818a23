import { randomUUID } from "node:crypto";
import { dirname, resolve } from "node:path";
import type { CallOptions } from "../../core/abort.ts";
import { parseClock, refuseUnknown, requireMethods } from "../../core/options.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { makePrivateFolder } from "../../core/private-folder.ts";
import type { Clock } from "../../core/clock.ts";
import { signerOf, type BackupKey, type BackupSignature, type Signer } from "./backup-key.ts";
import type { BackupPart } from "./backup-part.ts";
import { BackupReader } from "./backup-reader.ts";
import { BackupWriter, partialPath, type Continued } from "./backup-writer.ts";
import type { ForgettingLog } from "./forgetting-log.ts";
import { forgottenSince, mergeForgotten, type ForgottenOwners } from "./forgotten-owners.ts";
import type { BackupManifest, PartEnd } from "./manifest.ts";
import { takePlace } from "./one-at-a-time.ts";
import { redactBackup } from "./redact.ts";

export interface BackupOptions extends CallOptions {
  /** The file; its folder is made when it is not there. Until it is whole it is called `NAME.partial`. */
  readonly to: string;
  /** What is kept, in this order. */
  readonly parts: readonly BackupPart[];
  /** Signs it. Without a key only damage is found later, not a forger. */
  readonly key?: BackupKey | undefined;
  /** Whose backup it is, such as `"shop-production"`. It is then only restored by who names the same. */
  readonly system?: string | undefined;
  /** Who was forgotten: they are left out, also when they are forgotten while this runs. */
  readonly forgotten?: ForgettingLog | undefined;
  readonly clock?: Clock | undefined;
  /** Told after each megabyte or so. */
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
}

export interface BackupProgress {
  /** Name of the part. */
  readonly part: string;
  /** Of this part, so far. */
  readonly records: number;
  /** Of this part, so far, before compression. */
  readonly bytes: number;
}

export interface BackupReport {
  readonly path: string;
  readonly id: string;
  /** Unix ms: when it was begun. */
  readonly createdAt: number;
  readonly signature: BackupSignature;
  /** Of the file. */
  readonly bytes: number;
  readonly parts: ReadonlyArray<{ readonly name: string; readonly records: number; readonly bytes: number }>;
  /** Parts that an interrupted backup had already written. */
  readonly resumed: number;
}

const OPTIONS = ["to", "parts", "key", "system", "forgotten", "clock", "onProgress", "signal"];
const MOST_PARTS = 1_000;
/** What was begun longer ago is begun anew: parts of one backup should not be days apart. */
const RESUME_WITHIN_MS = 86_400_000;
const PROGRESS_BYTES = 1024 * 1024;

/**
 * Writes one file with everything that the parts hold, while they are in use. An interrupted backup (abort, full disk, killed process)
 * leaves `NAME.partial`; the same call goes on after the parts that are whole there, if that was within a day and nobody was forgotten
 * since.
 * @throws {@link StrataConfigError} naming the option; {@link StrataError} `UNAVAILABLE` when the file cannot be written, is full, or
 * another process writes it; the signal's reason; what a part throws
 * @example
 * ```ts
 * const report = await backup({ to: "strata.backup", parts: [tierPart(disk), historyPart({ sql })], key: secret });
 * ```
 */
export async function backup(options: BackupOptions): Promise<BackupReport> {
  refuseUnknown("backup", options, OPTIONS);
  const { parts, signal, onProgress } = options;
  if (typeof options.to !== "string" || options.to === "")
    throw new StrataConfigError("backup.to", options.to, "the path of a file");
  const path = resolve(options.to);
  checkParts("backup.parts", parts);
  const clock = parseClock(options.clock);
  const signer = signerOf("backup.key", options.key);
  if (!signer.canSign) throw new StrataConfigError("backup.key", "…", "the private key, which can sign");
  makePrivateFolder(dirname(path));
  const givePlace = takePlace(path);
  try {
    const forgotten = await whoIsForgotten(options);
    const wanted: BackupManifest = {
      ...{ format: 1, id: randomUUID(), createdAt: clock.now(), signature: signer.kind },
      ...(options.system !== undefined && { system: options.system }),
      parts: parts.map(({ name, kind, version }) => ({ name, kind, version })),
      forgotten: [...forgotten],
    };
    const left = await leftBehind(path, signer, wanted);
    const manifest = left?.manifest ?? wanted;
    const writer =
      left === undefined ? await BackupWriter.create(path, signer, manifest) : await BackupWriter.continue(path, signer, left);
    const ends = [...(left?.ends ?? [])];
    try {
      for (const part of parts.slice(ends.length)) {
        let told = 0;
        await part.backup(
          (owners, ...body) => {
            signal?.throwIfAborted();
            const room = writer.put(owners, ...body);
            const { records, bytes } = writer.progress;
            if (bytes - told >= PROGRESS_BYTES) {
              told = bytes;
              onProgress?.({ part: part.name, records, bytes });
            }
            return room;
          },
          { signal },
        );
        signal?.throwIfAborted();
        const end = await writer.endPart();
        ends.push(end);
        onProgress?.({ part: part.name, ...end });
      }
      await writer.finish();
    } catch (error) {
      await writer.leave();
      throw error;
    }
    let bytes = writer.size;
    // Whoever was forgotten while it was written may have been read before that.
    const since = forgottenSince(await whoIsForgotten(options), manifest.createdAt);
    if (since.size > 0) ({ bytes } = await redactBackup({ path, key: options.key, forgotten: since, signal }));
    return {
      ...{ path, bytes, id: manifest.id, createdAt: manifest.createdAt, signature: signer.kind, resumed: left?.parts ?? 0 },
      parts: parts.map(({ name }, index) => ({ name, records: ends[index]?.records ?? 0, bytes: ends[index]?.bytes ?? 0 })),
    };
  } finally {
    givePlace();
  }
}

/** @throws {@link StrataConfigError} for no parts, a name that is taken twice, or what is no part */
export function checkParts(option: string, parts: readonly BackupPart[]): void {
  if (!Array.isArray(parts) || parts.length === 0 || parts.length > MOST_PARTS) {
    throw new StrataConfigError(option, parts, "a list of parts, such as [tierPart(tier), historyPart({ sql })]");
  }
  const names = new Set<string>();
  for (const part of parts as readonly BackupPart[]) {
    requireMethods(option, part, ["backup", "restore"], "parts, such as tierPart(tier)");
    if (!/^[\w:.-]{1,64}$/.test(part.name))
      throw new StrataConfigError(`${option}.name`, part.name, "letters, digits and : . _ -");
    if (names.has(part.name)) throw new StrataConfigError(`${option}.name`, part.name, "names of which no two are equal");
    names.add(part.name);
  }
}

/** As the log and the places themselves know it. */
export async function whoIsForgotten({
  parts,
  forgotten,
  signal,
}: Pick<BackupOptions, "parts" | "forgotten" | "signal">): Promise<ForgottenOwners> {
  const known = await Promise.all(parts.map((part) => part.forgotten?.({ signal }) ?? new Map<string, number>()));
  return mergeForgotten(...known, (await forgotten?.forgotten()) ?? new Map());
}

interface LeftBehind extends Continued {
  readonly manifest: BackupManifest;
  readonly ends: readonly PartEnd[];
}

/** What an interrupted backup of the same kind has left, up to its last whole part; `undefined` when it cannot be gone on with. */
async function leftBehind(path: string, signer: Signer, wanted: BackupManifest): Promise<LeftBehind | undefined> {
  let reader: BackupReader;
  try {
    reader = await BackupReader.open(partialPath(path), signer);
  } catch {
    return undefined;
  }
  try {
    const { manifest } = reader;
    const isSame =
      manifest.system === wanted.system &&
      manifest.signature === wanted.signature &&
      JSON.stringify(manifest.parts) === JSON.stringify(wanted.parts) &&
      wanted.createdAt - manifest.createdAt < RESUME_WITHIN_MS;
    if (!isSame || forgottenSince(new Map(wanted.forgotten), manifest.createdAt).size > 0) return undefined;
    return await wholeParts(reader);
  } finally {
    await reader.close();
  }
}

async function wholeParts(reader: BackupReader): Promise<LeftBehind> {
  const { manifest } = reader;
  const ends: PartEnd[] = [];
  let found: Continued = { chain: reader.chain.copy(), at: reader.position, parts: 0 };
  for (let index = 0; index < manifest.parts.length; index++) {
    try {
      const end = await reader.checkPart();
      ends.push(end);
      found = { chain: reader.chain.copy(), at: end.end, parts: index + 1 };
    } catch {
      break;
    }
  }
  return { ...found, manifest, ends };
}
