/** One process at a time writes a backup to a place: a file beside it, with the number of the process that does. */
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { systemClock } from "../../core/clock.ts";
import { StrataError } from "../../core/errors.ts";

/**
 * Takes the place; a process that was killed leaves it to the next. Processes of other machines that share the folder are not told
 * apart from dead ones: they need names of their own.
 * @returns gives it back
 * @throws {@link StrataError} `UNAVAILABLE` while another process has it
 */
export function takePlace(path: string): () => void {
  const file = `${path}.lock`;
  for (let tries = 0; ; tries++) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx", mode: 0o600 });
      return () => rmSync(file, { force: true });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") {
        throw new StrataError("UNAVAILABLE", `The backup ${path} cannot be written: ${String(cause)}`, { cause });
      }
      const owner = readOwner(file);
      if (tries > 0 || (owner !== undefined && isAlive(owner) && !isOfOneBefore(owner, file))) {
        throw new StrataError("UNAVAILABLE", `Another backup to ${path} is under way, in process ${owner}.`);
      }
      rmSync(file, { force: true });
    }
  }
}

function readOwner(file: string): number | undefined {
  try {
    const owner = Number(readFileSync(file, "utf8"));
    return Number.isSafeInteger(owner) && owner > 0 ? owner : undefined;
  } catch {
    return undefined;
  }
}

/** In a container the process that was killed and the one after it often have the same number: ours wrote nothing before it began. */
function isOfOneBefore(owner: number, file: string): boolean {
  if (owner !== process.pid) return false;
  const began = systemClock.now() - process.uptime() * 1_000;
  return (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) < began;
}

function isAlive(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
