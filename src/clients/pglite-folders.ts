/**
 * Databases of PGlite by their folder: one of a process, however many clients use it, and one process at a time.
 *
 * They are kept on `globalThis`, because a program may hold this module more than once: a development server loads it anew with each
 * change and never closes what the last copy opened; one part of a program imports it and another requires it.
 */
import { lockFolder } from "./folder-lock.ts";

interface Closable {
  close(): Promise<void>;
}

interface Shared {
  readonly database: Promise<Closable>;
  users: number;
  closed: Promise<void> | undefined;
}

const NAME = Symbol.for("langchain-strata.pglite-folders");
const places = globalThis as { [NAME]?: Map<string, Shared> };
const folders = (places[NAME] ??= new Map());

/** Whoever opened a database so closes it by {@link closeShared}, once. */
export async function openShared<T extends Closable>(path: string, open: () => Promise<T>): Promise<T> {
  let shared = folders.get(path);
  if (shared === undefined || shared.closed !== undefined) {
    shared = { database: openLocked(path, open, shared?.closed), users: 0, closed: undefined };
    folders.set(path, shared);
  }
  const current = shared;
  current.users++;
  try {
    return (await current.database) as T;
  } catch (error) {
    // It may be tried again: the other process will have ended.
    if (folders.get(path) === current) folders.delete(path);
    throw error;
  }
}

export async function closeShared(path: string): Promise<void> {
  const shared = folders.get(path);
  if (shared === undefined || --shared.users > 0) return shared?.closed;
  shared.closed = shared.database
    .then((database) => database.close())
    .finally(() => folders.get(path) === shared && folders.delete(path));
  await shared.closed;
}

async function openLocked<T extends Closable>(
  path: string,
  open: () => Promise<T>,
  before: Promise<void> | undefined,
): Promise<T> {
  await before?.catch(() => undefined);
  const unlock = lockFolder(path);
  try {
    const database = await open();
    const close = database.close.bind(database);
    database.close = () => close().finally(unlock);
    return database;
  } catch (error) {
    unlock();
    throw error;
  }
}
