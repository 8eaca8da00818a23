import type { CallOptions } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { parseClock, refuseUnknown } from "../../core/options.ts";
import { checkParts, whoIsForgotten, type BackupProgress } from "./backup.ts";
import { signerOf, type BackupKey, type BackupSignature } from "./backup-key.ts";
import type { BackupPart, BackupRecord, RestoredPart, RestorePartOptions } from "./backup-part.ts";
import { BackupReader } from "./backup-reader.ts";
import type { ForgettingLog } from "./forgetting-log.ts";
import { forgottenSince, mergeForgotten } from "./forgotten-owners.ts";
import { corrupt } from "./frame.ts";
import type { BackupManifest } from "./manifest.ts";
import { checkWhole } from "./verify.ts";

export interface RestoreOptions extends CallOptions {
  readonly from: string;
  /** Where the parts of the backup go, by their names: `tierPart(redis, { name: "disk" })` takes what `disk` held. */
  readonly parts: readonly BackupPart[];
  /** Names of parts of the backup that are not restored. */
  readonly skip?: readonly string[] | undefined;
  /** The key that it was signed with. A signed backup is not restored without it. */
  readonly key?: BackupKey | undefined;
  /** Whose backup it must be; needed when the backup names one. */
  readonly system?: string | undefined;
  /** Who was forgotten: they do not come back. What the target's own tombstones and the backup say is added. */
  readonly forgotten?: ForgettingLog | undefined;
  readonly clock?: Clock | undefined;
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
}

export interface RestoreReport {
  readonly id: string;
  /** Unix ms: when the backup was begun. */
  readonly createdAt: number;
  readonly signature: BackupSignature;
  readonly parts: ReadonlyArray<
    RestoredPart & {
      readonly name: string;
      /** In the backup. */
      readonly records: number;
      /** Left out: their owners were forgotten since. */
      readonly forgotten: number;
    }
  >;
  /** Parts of the backup that were skipped, as asked. */
  readonly skipped: readonly string[];
}

/** Each holds some chunks of a megabyte. */
const PARTS_AT_ONCE = 3;
const OPTIONS = ["from", "parts", "skip", "key", "system", "forgotten", "clock", "onProgress", "signal"];

/**
 * Restores a backup into places that may hold something already; what they have and is newer stays. The whole file is checked before
 * the first byte is written: a torn, reordered, damaged or foreign backup changes nothing. May be run again after an interruption.
 * @throws {@link StrataConfigError} naming the option; {@link StrataError} `CORRUPT` when the backup is refused, `UNAVAILABLE` when it
 * cannot be read; the signal's reason; what a part throws
 * @example
 * ```ts
 * const report = await restore({ from: "strata.backup", parts: [tierPart(disk), historyPart({ sql })], key: secret });
 * ```
 */
export async function restore(options: RestoreOptions): Promise<RestoreReport> {
  refuseUnknown("restore", options, OPTIONS);
  const { from, parts, skip = [], signal, onProgress } = options;
  if (typeof from !== "string" || from === "") throw new StrataConfigError("restore.from", from, "the path of a file");
  checkParts("restore.parts", parts);
  const clock = parseClock(options.clock);
  const signer = signerOf("restore.key", options.key);
  const reader = await BackupReader.open(from, signer);
  try {
    // What is checked and what is restored are read from one open file: another one may come to have its name meanwhile.
    const found = await checkWhole(reader, signal);
    const { manifest } = reader;
    if (manifest.signature !== signer.kind) throw corrupt("it is signed, and no key was given to check that");
    if (manifest.system !== options.system) throw foreign(manifest.system, options.system);
    const targets = targetsOf(manifest, parts, skip);

    const forgotten = mergeForgotten(new Map(manifest.forgotten), await whoIsForgotten(options));
    const gone = forgottenSince(forgotten, manifest.createdAt);
    const restored = await severalAtOnce(signal, found, async ({ name, records, place }, index, ended) => {
      const target = targets[index];
      if (target === undefined) return undefined;
      const part = new PartStream(reader.from(place).part(), gone, (soFar, bytes) => {
        ended.throwIfAborted();
        onProgress?.({ part: name, records: soFar, bytes });
      });
      const partOptions: RestorePartOptions = { signal: ended, forgotten, createdAt: manifest.createdAt, now: clock.now() };
      const outcome = await target.restore(part.batches(), partOptions);
      await part.drain();
      return { name, records, forgotten: part.forgotten, ...outcome };
    });
    const { id, createdAt, signature } = manifest;
    const skipped = manifest.parts.map(({ name }) => name).filter(isIn(skip));
    return { id, createdAt, signature, parts: restored.filter((part) => part !== undefined), skipped };
  } finally {
    await reader.close();
  }
}

/**
 * Works on several parts at a time: while one place waits for its disk, another has work for the processor. When one fails, the others
 * are ended, and none is under way any more when this rejects.
 */
async function severalAtOnce<T, R>(
  signal: AbortSignal | undefined,
  parts: readonly T[],
  work: (part: T, index: number, ended: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const failed = new AbortController();
  const ended = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  const outcomes: R[] = [];
  const waiting = parts.entries();
  const lane = async (): Promise<void> => {
    // All lanes draw from the one iterator, so each part is worked on once.
    for (const [index, part] of waiting) {
      if (failed.signal.aborted) return;
      outcomes[index] = await work(part, index, ended);
    }
  };
  await Promise.all(Array.from({ length: PARTS_AT_ONCE }, () => lane().catch((error: unknown) => failed.abort(error))));
  failed.signal.throwIfAborted();
  return outcomes;
}

/** The records of one part without those of forgotten owners. */
class PartStream {
  readonly #source: AsyncGenerator<readonly BackupRecord[], unknown>;
  readonly #gone: ReadonlySet<string>;
  readonly #onBatch: (records: number, bytes: number) => void;
  forgotten = 0;

  constructor(
    source: AsyncGenerator<readonly BackupRecord[], unknown>,
    gone: ReadonlySet<string>,
    onBatch: (records: number, bytes: number) => void,
  ) {
    this.#source = source;
    this.#gone = gone;
    this.#onBatch = onBatch;
  }

  async *batches(): AsyncGenerator<readonly BackupRecord[]> {
    let [records, bytes] = [0, 0];
    for (;;) {
      const step = await this.#source.next();
      if (step.done === true) return;
      const batch = step.value;
      const kept = this.#gone.size === 0 ? batch : batch.filter(({ owners }) => !owners.some((owner) => this.#gone.has(owner)));
      this.forgotten += batch.length - kept.length;
      records += batch.length;
      for (const { body } of batch) bytes += body.byteLength;
      this.#onBatch(records, bytes);
      if (kept.length > 0) yield kept;
    }
  }

  /** Reads on to the end of the part, if whoever restored it did not. */
  async drain(): Promise<void> {
    for (let step = await this.#source.next(); step.done !== true;) step = await this.#source.next();
  }
}

/** Which part goes where; `undefined` for what is skipped. */
function targetsOf(
  { parts: found }: BackupManifest,
  parts: readonly BackupPart[],
  skip: readonly string[],
): readonly (BackupPart | undefined)[] {
  const names = found.map(({ name }) => name);
  const unknown = [...parts.map(({ name }) => name), ...skip].find((name) => !names.includes(name));
  if (unknown !== undefined) throw new StrataConfigError("restore.parts", unknown, `parts of the backup: ${names.join(", ")}`);
  return found.map(({ name, kind, version }) => {
    if (skip.includes(name)) return undefined;
    const target = parts.find((part) => part.name === name);
    if (target === undefined)
      throw new StrataConfigError("restore.parts", names.join(", "), `a part for "${name}", or skip: ["${name}"]`);
    if (target.kind !== kind) throw corrupt(`its part "${name}" is of the kind "${kind}", and goes into no "${target.kind}"`);
    if (target.version < version) throw corrupt(`its part "${name}" was written by a newer release`);
    return target;
  });
}

function foreign(found: string | undefined, wanted: string | undefined): Error {
  if (found === undefined) return corrupt(`it names no system, and "${wanted}" was asked for`);
  return corrupt(
    wanted === undefined ? "it belongs to a named system; give its name as `system`" : "it belongs to another system",
  );
}

function isIn(list: readonly string[]): (name: string) => boolean {
  return (name) => list.includes(name);
}
