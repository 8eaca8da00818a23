/**
 * Debian packages unpacked into a folder of their own, and run without being installed.
 *
 * The servers of Debian 13 need a newer C library than Debian 12 has, and installing them would replace half of the system.
 * So the folder holds that library too, and every program is started through the folder's own dynamic loader
 * (`ld-linux-….so.2 --library-path … program`). Nothing on the machine is changed, and no right beyond writing one folder is
 * needed.
 */
import { createHash } from "node:crypto";
import { access, chmod, constants, mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join, relative } from "node:path";
import { debianMirror } from "./debian-mirror.ts";
import { runCommand } from "./run-command.ts";
import { cacheFolders } from "./server-user.ts";
import { RouteUnavailable } from "./test-server.ts";

/** Part of a prefix's name; raised when a prefix is put together in another way, so that old ones are not used. */
const LAYOUT = 1;
/** How long one process waits for another that builds the same prefix, seconds. */
const LOCK_WAIT_S = 600;
const KEYRINGS = ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"];
const MACHINES: Partial<Record<NodeJS.Architecture, { triplet: string; loader: string }>> = {
  x64: { triplet: "x86_64-linux-gnu", loader: "ld-linux-x86-64.so.2" },
  arm64: { triplet: "aarch64-linux-gnu", loader: "ld-linux-aarch64.so.1" },
};

/** What goes into a prefix. */
export interface PrefixPlan {
  readonly name: string;
  /** Debian's code name of a release. */
  readonly suite: string;
  /** Every package, with the C library and all that is linked; apt is not asked to resolve dependencies. */
  readonly packages: readonly string[];
  /** Folders of programs that start one another, which therefore must be startable by their plain name. */
  readonly wrap: readonly string[];
}

export interface Prefix {
  readonly directory: string;
  /** How it was come by, for messages. */
  readonly origin: string;
  /** The command that runs a program of the prefix, named by its path below it. */
  command(program: string, args: readonly string[]): string[];
}

/**
 * Opens the prefix of a plan, and builds it first if this machine has not got it.
 *
 * A build happens in a folder beside, which is renamed when it is whole: one that is killed leaves nothing that could be taken
 * for a prefix. Two processes that want the same one build it once.
 * @throws {RouteUnavailable} not a Debian machine, or one with another processor
 */
export async function openPrefix(plan: PrefixPlan): Promise<Prefix> {
  const machine = MACHINES[process.arch];
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  if (!/^ID="?debian"?$/m.test(release)) throw new RouteUnavailable("this is not a Debian machine");
  if (machine === undefined) throw new RouteUnavailable(`processors of type ${process.arch} are not known here`);

  const recipe = JSON.stringify([LAYOUT, process.arch, plan]);
  const hash = createHash("sha256").update(recipe).digest("hex").slice(0, 12);
  const directory = await place(`${plan.name}-${hash}`);
  let origin = "cached";
  if (!(await exists(directory))) {
    const unlock = await lock(`${directory}.lock`);
    try {
      if (!(await exists(directory))) {
        const start = performance.now();
        await build(plan, machine, directory);
        origin = `unpacked in ${((performance.now() - start) / 1000).toFixed(1)} s`;
      }
    } finally {
      await unlock();
    }
  }
  const libraries = ["usr/lib", "lib"].map((lib) => join(directory, lib, machine.triplet));
  const loader = await firstExisting(libraries.map((folder) => join(folder, machine.loader)));
  if (loader === undefined) throw new Error(`${directory} is damaged: it has no ${machine.loader}; remove it, and run again`);
  return {
    directory,
    origin,
    command(program, args) {
      const path = join(directory, program);
      return [loader, "--library-path", libraries.join(":"), "--argv0", path, path, ...args];
    },
  };
}

/** The path of a prefix: in the first folder that has it, or that can be written. */
async function place(name: string): Promise<string> {
  for await (const folder of cacheFolders()) {
    const path = join(folder, name);
    if ((await exists(path)) || (await exists(folder, constants.W_OK))) return path;
  }
  throw new RouteUnavailable("neither node_modules nor the temporary folder can be written, or entered by the servers' user");
}

async function build(plan: PrefixPlan, machine: { triplet: string; loader: string }, target: string): Promise<void> {
  const mirror = await debianMirror();
  const keyring = await firstExisting(KEYRINGS);
  if (mirror === undefined || keyring === undefined) throw new RouteUnavailable("apt has no Debian mirror, or no Debian keys");
  const work = `${target}.building`;
  await rm(work, { recursive: true, force: true }); // We hold the lock, so its builder was killed.
  const [state, debs, root] = ["apt", "debs", "root"].map((name) => join(work, name)) as [string, string, string];
  for (const folder of [
    join(state, "sources"),
    join(state, "lists/partial"),
    join(state, "cache/archives/partial"),
    debs,
    root,
  ]) {
    await mkdir(folder, { recursive: true });
  }
  await writeFile(
    join(state, "sources/only.sources"),
    `Types: deb\nURIs: ${mirror}\nSuites: ${plan.suite}\nComponents: main\nSigned-By: ${keyring}\n`,
  );
  await writeFile(join(state, "none.list"), "");
  // An apt of its own: other sources, other lists, no knowledge of what is installed; and as root it stays root, because its
  // usual user may not be able to enter our folder.
  const options = {
    "Dir::Etc::sourcelist": join(state, "none.list"),
    "Dir::Etc::sourceparts": join(state, "sources"),
    "Dir::State::lists": join(state, "lists"),
    "Dir::State::status": "/dev/null",
    "Dir::Cache": join(state, "cache"),
    "Acquire::Languages": "none",
    "Acquire::Retries": "3",
    "APT::Sandbox::User": "root",
    "APT::Update::Error-Mode": "any",
  };
  const apt = ["apt-get", "-q", ...Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`])];
  await runCommand([...apt, "update"], debs);
  await runCommand([...apt, "download", ...plan.packages], debs);
  await unpack(debs, root);
  for (const folder of ["doc", "man", "locale"]) await rm(join(root, "usr/share", folder), { recursive: true, force: true });
  for (const folder of plan.wrap) await wrapPrograms(root, folder, machine);
  await chmod(root, 0o755);
  await rename(root, target);
  await rm(work, { recursive: true });
}

async function unpack(debs: string, root: string): Promise<void> {
  const queue = await readdir(debs);
  // The servers' user must be able to read what we unpack, whatever mask we were started with.
  const worker = async (): Promise<void> => {
    for (let deb = queue.pop(); deb !== undefined; deb = queue.pop())
      await runCommand(["sh", "-c", `umask 022; exec dpkg-deb -x "$0" "$1"`, deb, root], debs);
  };
  await Promise.all(Array.from({ length: Math.min(4, cpus().length) }, worker));
}

/** Puts a script in the place of each program, so that one that starts another by name (`initdb` starts `postgres`) reaches it. */
async function wrapPrograms(root: string, folder: string, machine: { triplet: string; loader: string }): Promise<void> {
  const libraries = join("usr/lib", machine.triplet);
  // Relative to the script, so that a repository can be moved or copied with its cache.
  const below = `\${0%/*}/${relative(folder, libraries)}`;
  for (const name of await readdir(join(root, folder))) {
    const path = join(root, folder, name);
    if ((await readFile(path)).subarray(0, 4).toString("latin1") !== "\x7fELF") continue;
    await rename(path, `${path}.real`);
    const script = `#!/bin/sh\nexec "${below}/${machine.loader}" --library-path "${below}" --argv0 "$0" "$0.real" "$@"\n`;
    await writeFile(path, script);
    await chmod(path, 0o755);
  }
}

/**
 * Waits until no other process holds the lock. It is the kernel's (flock), so a holder that is killed frees it: `flock` locks
 * the open file that it inherits, which is ours too, and leaves.
 */
async function lock(path: string): Promise<() => Promise<void>> {
  const file = await open(path, "a");
  await runCommand(["flock", "--exclusive", "--timeout", String(LOCK_WAIT_S), "3"], "/", file.fd);
  return () => file.close();
}

function exists(path: string, mode: number = constants.F_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

async function firstExisting(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await exists(path)) return path;
  return undefined;
}
