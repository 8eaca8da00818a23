import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Makes a folder, and those above it, where they are missing: private to the user (0700), the outermost one ignored by git. Not by
 * `mkdir` with `recursive`, which never returns where nothing can be made at all, as in /proc (Node 20).
 */
export function makePrivateFolder(path: string): void {
  const missing: string[] = [];
  for (let folder = path; !existsSync(folder); folder = dirname(folder)) missing.push(folder);
  let outermost: string | undefined;
  for (const folder of missing.toReversed()) {
    if (makeFolder(folder)) outermost ??= folder;
  }
  if (outermost !== undefined) writeFileSync(join(outermost, ".gitignore"), "*\n");
}

/** Whether it was made here: another process may have been quicker. */
function makeFolder(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  }
}
