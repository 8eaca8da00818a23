/** The folder of the disk tier: made private, checked before the engine maps what is in it, and begun anew when it is damaged. */
import { closeSync, existsSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { StrataError } from "../../core/errors.ts";
import { makePrivateFolder } from "../../core/private-folder.ts";
import { findDamage } from "./disk-check.ts";
import { openEngine, type Engine } from "./disk-engine.ts";

/** What a new environment takes at once: its first pages and its lock file. */
const FIRST_BYTES = 128 * 1024;
/** MDB_PAGE_NOTFOUND, CORRUPTED, PANIC, VERSION_MISMATCH, INVALID: what LMDB says of a file that it cannot use. */
const DAMAGE_CODES: ReadonlySet<unknown> = new Set([-30_797, -30_796, -30_795, -30_794, -30_793]);

/**
 * Opens the environment in a folder, which is made when it is not there.
 * @param onDamage told when a damaged file was set aside, so that the tier begins anew
 * @throws {@link StrataError} `UNAVAILABLE`, with the system's error as its cause
 */
export function openFolder(path: string, onDamage: (error: StrataError) => void): Engine {
  const file = join(path, "data.mdb");
  try {
    makePrivateFolder(path);
    // LMDB maps its new lock file: where the disk is full, writing to it would end the process.
    if (!existsSync(file) || !existsSync(join(path, "lock.mdb"))) probe(path);
    const damage = existsSync(file) ? findDamage(file) : undefined;
    if (damage !== undefined) setAside(path, damage, onDamage);
    try {
      return openEngine(path);
    } catch (error) {
      if (!DAMAGE_CODES.has((error as { code?: unknown }).code)) throw error;
      setAside(path, String(error), onDamage);
      return openEngine(path);
    }
  } catch (cause) {
    throw new StrataError("UNAVAILABLE", `The disk tier cannot use the folder ${path}: ${String(cause)}`, { cause });
  }
}

function probe(path: string): void {
  const file = join(path, `probe-${process.pid}`);
  const fd = openSync(file, "w", 0o600);
  try {
    for (let left = FIRST_BYTES; left > 0;) left -= writeSync(fd, Buffer.alloc(left));
  } finally {
    closeSync(fd);
    rmSync(file);
  }
}

/**
 * Keeps the damaged file under another name, in place of one that was kept before. The lock file goes: a process that still has
 * the old pair open keeps it, and must not share locks with those that open the new one.
 */
function setAside(path: string, damage: string, onDamage: (error: StrataError) => void): void {
  const aside = join(path, "data.mdb.damaged");
  renameSync(join(path, "data.mdb"), aside);
  rmSync(join(path, "lock.mdb"), { force: true });
  onDamage(new StrataError("CORRUPT", `The disk tier's file was damaged and is now ${aside}; it begins anew. ${damage}`));
}
