/** Whether entries can be kept on this machine's disk, and in the folder that is configured. */
import { existsSync, mkdtempSync, rmSync, statfsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { diskTier } from "../../cache/tiers/disk.ts";
import { seal } from "../../core/envelope.ts";
import { digest } from "../../core/key.ts";
import { parseByteSize, type ByteSize } from "../../core/options.ts";
import { formatBytes } from "../table.ts";
import { broken, ok, reasonOf, warn, type Finding } from "./finding.ts";

/** Whether the engine of the disk tier works on this platform: writes and reads one entry in a temporary folder. */
export async function checkDiskEngine(): Promise<Finding> {
  const name = "disk tier";
  const folder = mkdtempSync(join(tmpdir(), "strata-doctor-"));
  const tier = diskTier({ path: folder });
  try {
    const [key, scope, payload] = [digest("doctor"), digest("scope"), Buffer.from("{}")];
    const value = seal({ key, scope, payload, createdAt: 0, expiresAt: undefined, cost: 0, codec: 0, rawLength: 2, tags: [] });
    await tier.set([{ key, value }]);
    const [found] = await tier.get([key]);
    if (found !== undefined && Buffer.compare(found.value, value) === 0) return ok(name, `writes and reads in ${tmpdir()}`);
    return broken(name, "reads other bytes than it wrote", "check the disk: its errors are in the system's log");
  } catch (error) {
    return broken(name, reasonOf(error), "npm rebuild lmdb, and see that the temporary folder can be written and has space");
  } finally {
    await tier.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Less than this, and other programs will be in trouble before ours. */
const LEAST_FREE = 64 * 1024 ** 2;
/** File systems of other machines, by Linux' numbers (`man statfs`): NFS, SMB, CIFS, SMB2. Reads of the disk tier would block. */
const OF_A_NETWORK = new Set([0x6969, 0x517b, 0xff534d42, 0xfe534d42]);

/**
 * Rights and space of a data folder. What is in it stays untouched: an empty folder is made in it, or above it where it is not
 * there yet, and removed.
 * @param bound of the disk tier in it, as configured
 */
export function checkFolder(path: string, bound: ByteSize | undefined): Finding[] {
  const place = nearest(resolve(path));
  const name = "data folder";
  try {
    rmSync(mkdtempSync(join(place, ".strata-doctor-")), { recursive: true });
  } catch (error) {
    const advice = `give this user the right to write in ${place}, or name another folder: data, or --data`;
    return [broken(name, `${resolve(path)}: ${reasonOf(error)}`, advice)];
  }
  return [checkPrivacy(name, resolve(path)), checkSpace(place, bound)];
}

function checkPrivacy(name: string, path: string): Finding {
  if (!existsSync(path)) return ok(name, `${path} can be made`);
  const isShared = process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0;
  if (!isShared) return ok(name, `${path} can be written, and is private`);
  return warn(name, `${path} can be written, and be looked into by other users of this machine`, `chmod 700 ${path}`);
}

function checkSpace(place: string, bound: ByteSize | undefined): Finding {
  const name = "data folder, space";
  const { bavail, bsize, type } = statfsSync(place);
  const free = bavail * bsize;
  const detail = `${formatBytes(free)} free`;
  if (OF_A_NETWORK.has(type)) {
    return warn(
      name,
      `${detail}, on a network file system`,
      "take a local disk: every read of the disk tier may block the process",
    );
  }
  if (free < LEAST_FREE) return broken(name, detail, "make room, or name a folder on another disk: data, or --data");
  const wanted = bound === undefined ? 0 : parseByteSize("cache.disk.maxBytes", bound);
  if (free >= wanted) return ok(name, detail);
  return warn(name, `${detail}; the disk tier may take ${formatBytes(wanted)}`, "lower cache.disk.maxBytes, or make room");
}

/** The folder itself, or the one above it that is there. */
function nearest(path: string): string {
  const above = dirname(path);
  return existsSync(path) || above === path ? path : nearest(above);
}
