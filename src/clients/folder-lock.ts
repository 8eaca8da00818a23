/**
 * A folder that one process may open at a time, for engines that do not look after that by themselves: PGlite opens a folder in which
 * another process works, and what one of them writes is gone when the other one does.
 *
 * A file beside the folder names who has it. It is linked into place with its content, so that nobody reads half of it. One whose process
 * has ended, by `kill -9` too, is taken over; on Linux the start of the process tells it from a later one with the same number.
 * Processes on other machines, and in other containers, are not seen: their numbers mean nothing here.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { StrataError } from "../core/errors.ts";

/** @returns what gives the folder back; @throws {@link StrataError} `UNAVAILABLE` while another process has it */
export function lockFolder(path: string): () => void {
  const lock = `${path}.lock`;
  const own = `${hostname()} ${process.pid} ${startOf(process.pid)}`;
  const mine = `${lock}.${process.pid}`;
  writeFileSync(mine, own, { mode: 0o600 });
  try {
    take(path, lock, mine);
  } finally {
    rmSync(mine, { force: true });
  }
  const giveBack = (): void => {
    process.off("exit", giveBack);
    if (contentOf(lock) === own) rmSync(lock, { force: true });
  };
  process.on("exit", giveBack);
  return giveBack;
}

function take(path: string, lock: string, mine: string): void {
  if (linked(mine, lock)) return;
  const found = contentOf(lock);
  const [host, pid = "", start] = (found ?? "").split(" ");
  if (found !== undefined && host === hostname() && isRunning(Number(pid), start)) {
    const holder = Number(pid) === process.pid ? "another thread of this process" : `process ${pid}`;
    throw new StrataError(
      "UNAVAILABLE",
      `${path} is open in ${holder}, and PGlite is for one at a time: close it there, or take PostgreSQL (${lock} names who has it).`,
    );
  }
  // Whoever else sees that it is left over must not move away the next one: what was moved is looked at again.
  const left = `${mine}.left`;
  try {
    renameSync(lock, left);
    if (contentOf(left) !== found) linked(left, lock);
    rmSync(left, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  if (!linked(mine, lock)) throw new StrataError("UNAVAILABLE", `${path} was opened by another process in this moment.`);
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
  }
  // A file system without links, such as exFAT.
  try {
    writeFileSync(to, readFileSync(from), { mode: 0o600, flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  }
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function isRunning(pid: number, start: string | undefined): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as another user.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return startOf(pid) === start;
}

/** When a process began, in ticks since the machine did (proc(5), the 22nd field of stat); `-` where that cannot be read. */
function startOf(pid: number): string {
  const stat = contentOf(`/proc/${pid}/stat`);
  // The second field is a name in brackets, in which there may be spaces and brackets.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "-";
}
