/**
 * Adds to package-lock.json what npm leaves out of it behind a registry that lacks the binaries of other platforms: npm then
 * forgets those optional packages, and `npm ci` refuses the file because they are missing. They are never installed here; an entry
 * with a version, a system and a processor is all that npm asks for. Run it after `npm install` has changed the lock file:
 *
 *     node scripts/complete-lock.mjs
 */
import { readFileSync, writeFileSync } from "node:fs";

const FILE = new URL("../package-lock.json", import.meta.url);
const SYSTEMS = ["darwin", "win32", "linux", "android", "freebsd", "openbsd", "netbsd", "sunos", "aix", "openharmony", "wasm32"];
const PROCESSORS = ["arm64", "arm", "x64", "ia32", "ppc64", "riscv64", "s390x", "loong64", "mips64el", "wasm32"];

const lock = JSON.parse(readFileSync(FILE, "utf8"));
const { packages } = lock;

/** Whether node would find a package of this name from there. */
function isFound(from, name) {
  for (let folder = from; ; folder = folder.slice(0, folder.lastIndexOf("node_modules/")).replace(/\/$/, "")) {
    if (packages[`${folder === "" ? "" : `${folder}/`}node_modules/${name}`] !== undefined) return true;
    if (folder === "") return false;
  }
}

let added = 0;
for (const [from, { optionalDependencies = {}, dev }] of Object.entries({ ...packages })) {
  for (const [name, range] of Object.entries(optionalDependencies)) {
    if (isFound(from, name)) continue;
    const words = name.split(/[^a-z0-9]+/);
    const os = SYSTEMS.filter((system) => words.includes(system));
    const cpu = PROCESSORS.filter((processor) =>
      words.some((word) => word === processor || (processor === "arm" && word.startsWith("arm") && word !== "arm64")),
    );
    if (os.length === 0 && cpu.length === 0) continue;
    const entry = { version: range.replace(/^[^0-9]*/, ""), ...(dev === true && { dev }), optional: true };
    if (cpu.length > 0) entry.cpu = cpu;
    if (os.length > 0) entry.os = os;
    packages[`node_modules/${name}`] = entry;
    added++;
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} optional packages of other platforms added`);
