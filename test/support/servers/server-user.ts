import { spawnSync } from "node:child_process";
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, rm, stat, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Debian's `nobody` and `nogroup`. PostgreSQL refuses to run as root, so root hands the servers to them. */
const NOBODY = 65_534;
const DROP = process.getuid?.() === 0 ? [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"] : [];

const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));
/** Linux' file system in memory. */
const MEMORY = "/dev/shm";
const ROOMY_BYTES = 2 * 1024 ** 3;
const RUN_PREFIX = "strata-servers-";
/** A run directory of a dead process is swept only when it is older than this: its process may live in another container. */
const SWEEP_AFTER_MS = 3_600_000;

/**
 * The command to run `argv` as the user that servers run as: nobody if we are root, else ourselves.
 *
 * The kernel sends the server `deathSignal` when our thread ends, however it ends (PR_SET_PDEATHSIG). An exit handler alone
 * would leave orphans behind a killed test run.
 */
export function asServerUser(argv: readonly string[], deathSignal: "KILL" | "QUIT" = "KILL"): [string, string[]] {
  return ["setpriv", [...DROP, `--pdeathsig=${deathSignal}`, "--", ...argv]];
}

/** Whether the user that servers run as can reach what lies in `directory`; it cannot below `/root`, for example. */
function canEnter(directory: string): boolean {
  const [command, args] = asServerUser(["test", "-x", directory]);
  return spawnSync(command, args).status === 0;
}

/**
 * The folders in which unpacked servers may lie, best first: below `node_modules`, then below the temporary folder. Each is
 * made when it is asked for, and left out if the servers could not reach it.
 */
export async function* cacheFolders(): AsyncGenerator<string> {
  const beside = join(REPOSITORY, "node_modules", ".cache", "langchain-strata");
  if (await makeReadable(beside)) yield beside;
  const shared = join(temporaryDirectory(), `langchain-strata-${process.getuid?.()}`);
  if (!(await makeReadable(shared))) return;
  const { uid, mode } = await lstat(shared);
  // The name can be guessed, and what lies in it is run: a folder that someone else made, or may write to, is refused.
  if (uid === process.getuid?.() && (mode & 0o022) === 0) yield shared;
}

/** Makes a folder that the servers can enter, whatever mask we were started with; false if it cannot be made or entered. */
async function makeReadable(folder: string): Promise<boolean> {
  try {
    if ((await mkdir(folder, { recursive: true })) !== undefined) await chmod(folder, 0o755);
  } catch {
    return false;
  }
  return canEnter(folder);
}

/** Makes a directory for the data of one server, owned by the user that it runs as. */
export async function dataDirectory(run: string, name: string): Promise<string> {
  const directory = await mkdtemp(join(run, `${name}-`));
  if (DROP.length > 0) await chown(directory, NOBODY, NOBODY);
  return directory;
}

/** Folders under which a process keeps the data of its servers. */
export interface RunDirectories {
  readonly disk: string;
  /** For what need not survive a power failure: copying a database takes 20 ms here, and 250 on the disk. May be `disk`. */
  readonly memory: string;
}

/** Makes the run directories of this process, and sweeps those of dead processes. */
export async function makeRunDirectories(): Promise<RunDirectories> {
  const disk = await makeRunDirectory(temporaryDirectory());
  return { disk, memory: (await isRoomy(MEMORY)) ? await makeRunDirectory(MEMORY) : disk };
}

async function makeRunDirectory(parent: string): Promise<string> {
  await sweep(parent);
  const directory = await mkdtemp(join(parent, `${RUN_PREFIX}${process.pid}-`));
  await chmod(directory, 0o755);
  return directory;
}

/** A container often has 64 MB of this memory, and one PostgreSQL takes more. */
async function isRoomy(folder: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize >= ROOMY_BYTES && canEnter(folder);
  } catch {
    return false;
  }
}

/** `$TMPDIR`, unless it is one that the servers cannot reach. */
function temporaryDirectory(): string {
  return canEnter(tmpdir()) ? tmpdir() : "/tmp";
}

/** Removes what killed runs left behind. Whatever cannot be removed belongs to someone else, and stays. */
async function sweep(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = new RegExp(`^${RUN_PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const directory = join(parent, name);
    const age = await stat(directory).then(
      (entry) => Date.now() - entry.mtimeMs,
      () => 0,
    );
    if (age > SWEEP_AFTER_MS) await rm(directory, { recursive: true, force: true }).catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
