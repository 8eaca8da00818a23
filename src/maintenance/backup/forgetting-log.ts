/**
 * The forgetting log: a file beside the backups that says who was forgotten and when, as digests. The tombstones in the database go
 * down with the database; a backup that is restored elsewhere needs to know all the same.
 *
 * One line a forgetting, `{"at":…,"owner":"…"}`, appended and flushed before `add` resolves. A torn last line, left by a process that
 * was killed, is passed over: whoever waited for it was not told that it is written.
 */
import { open, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { systemClock, type Clock } from "../../core/clock.ts";
import { StrataConfigError, StrataError } from "../../core/errors.ts";
import type { Digest } from "../../core/key.ts";
import { refuseUnknown } from "../../core/options.ts";
import { makePrivateFolder } from "../../core/private-folder.ts";
import { scopeDigest, type Scope } from "../../core/scope.ts";
import { ownerKey } from "../../history/conversation-key.ts";
import { mergeForgotten, type ForgottenOwners } from "./forgotten-owners.ts";

export interface ForgettingLogOptions {
  /** The file; it and its folder are made, private to the user, when they are not there. */
  readonly path: string;
  readonly clock?: Clock | undefined;
}

/** Who is forgotten: the owner of conversations, a scope of the cache, or both. */
export interface Forgetting {
  readonly ownerId?: string | undefined;
  readonly scope?: Scope | undefined;
}

export interface ForgettingLog {
  /** Resolves when it is on the disk. Call it before anything is removed: what was removed and not noted could come back. */
  add(who: Forgetting): Promise<void>;
  /** Everybody who was ever noted, with the latest time of each. */
  forgotten(): Promise<ForgottenOwners>;
}

/** The log of a system in its data folder: `strata forget` writes it, and every backup and restore of that system reads it. */
export function systemForgettingLog(data: string, clock?: Clock): ForgettingLog {
  return forgettingLog({ path: join(data, "forgotten.log"), clock });
}

/** Who was forgotten as any of these logs says; what is added goes into all of them. */
export function joinLogs(logs: readonly ForgettingLog[]): ForgettingLog {
  return {
    async add(who) {
      for (const log of logs) await log.add(who);
    },
    forgotten: async () => mergeForgotten(...(await Promise.all(logs.map((log) => log.forgotten())))),
  };
}

/**
 * Opens the log of who was forgotten; give it to `backup`, `restore` and `redactBackup`.
 * @throws {@link StrataConfigError} naming the option
 * @example
 * ```ts
 * const forgotten = forgettingLog({ path: "/var/backups/strata/forgotten.log" });
 * await forgotten.add({ ownerId: "ana", scope: { user: "ana" } });
 * ```
 */
export function forgettingLog(options: ForgettingLogOptions): ForgettingLog {
  refuseUnknown("forgettingLog", options, ["path", "clock"]);
  if (typeof options.path !== "string" || options.path === "") {
    throw new StrataConfigError("forgettingLog.path", options.path, "the path of a file");
  }
  const path = resolve(options.path);
  const clock = options.clock ?? systemClock;
  return {
    async add(who) {
      const at = clock.now();
      const digests = digestsOf(who);
      if (digests.length === 0) throw new StrataConfigError("forgettingLog.add", who, "an `ownerId`, a `scope`, or both");
      makePrivateFolder(dirname(path));
      const file = await open(path, "a", 0o600);
      try {
        // A line of its own even after a torn one.
        await file.appendFile(`\n${digests.map((owner) => JSON.stringify({ at, owner })).join("\n")}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
    },
    forgotten: () => readLog(path),
  };
}

/** @throws {@link StrataError} `UNAVAILABLE` when there is a log that cannot be read: restoring without it could bring people back */
async function readLog(path: string): Promise<ForgottenOwners> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return new Map();
    throw new StrataError("UNAVAILABLE", `The forgetting log ${path} cannot be read: ${String(cause)}`, { cause });
  }
  const forgotten = new Map<Digest, number>();
  for (const line of text.split("\n")) {
    const entry = line === "" ? undefined : readLine(line);
    if (entry !== undefined) forgotten.set(entry.owner, Math.max(entry.at, forgotten.get(entry.owner) ?? 0));
  }
  return forgotten;
}

function readLine(line: string): { readonly at: number; readonly owner: Digest } | undefined {
  try {
    const { at, owner } = JSON.parse(line) as { at?: unknown; owner?: unknown };
    return typeof at === "number" && typeof owner === "string" ? { at, owner } : undefined;
  } catch {
    return undefined;
  }
}

function digestsOf({ ownerId, scope }: Forgetting): Digest[] {
  const digests: Digest[] = [];
  if (ownerId !== undefined) digests.push(ownerKey(ownerId));
  if (scope !== undefined) digests.push(scopeDigest(scope));
  return digests;
}
