/** The raw bytes of every kind of store, for looking for a text that should, or should not, be there. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { Pool } from "pg";
import { signerOf } from "../../src/maintenance/backup/backup-key.ts";
import { BackupReader } from "../../src/maintenance/backup/backup-reader.ts";

/** Every file under a folder, one after the other. */
export function folderBytes(path: string): Buffer {
  if (!existsSync(path)) return Buffer.alloc(0);
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  return Buffer.concat(
    files.flatMap((file) => {
      try {
        return [readFileSync(join(file.parentPath, file.name))];
      } catch {
        // A server renames and removes files while they are listed.
        return [];
      }
    }),
  );
}

/** How often a text is in them. */
export function countIn(bytes: Buffer, text: string): number {
  let found = 0;
  for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at + 1)) found++;
  return found;
}

/** What a Redis of one's own keeps: its append-only file and its dump where they lie on this machine, and what it dumps of each key. */
export async function redisBytes(url: string): Promise<Buffer> {
  const redis = new Redis(url);
  try {
    await redis.config("SET", "rdbcompression", "no");
    await redis.save();
    const [, folder = ""] = (await redis.config("GET", "dir")) as string[];
    const dumped: Buffer[] = [folderBytes(folder)];
    for (const key of await redis.keys("*")) dumped.push(Buffer.from(key), (await redis.dumpBuffer(key)) ?? Buffer.alloc(0));
    return Buffer.concat(dumped);
  } finally {
    redis.disconnect();
  }
}

/** Rewrites the append-only file and the dump of a Redis from what it holds now, as `BGREWRITEAOF` and `SAVE` do. */
export async function rewriteRedis(url: string): Promise<void> {
  const redis = new Redis(url);
  try {
    await redis.config("SET", "rdbcompression", "no");
    await redis.bgrewriteaof();
    const isBusy = async (): Promise<boolean> =>
      /aof_rewrite_in_progress:1|aof_rewrite_scheduled:1/.test(await redis.info("persistence"));
    while (await isBusy()) await new Promise((resolve) => setTimeout(resolve, 20));
    await redis.save();
    // The files of before are removed in the background.
    await new Promise((resolve) => setTimeout(resolve, 100));
  } finally {
    redis.disconnect();
  }
}

/** What a PostgreSQL of one's own keeps: its whole folder, write-ahead log included, or what it reads of it where that is elsewhere. */
export async function postgresBytes(url: string): Promise<Buffer> {
  const pool = new Pool({ connectionString: url, max: 1 });
  try {
    await pool.query("CHECKPOINT");
    const { rows } = await pool.query<{ folder: string }>("SELECT current_setting('data_directory') AS folder");
    const folder = rows[0]?.folder ?? "";
    if (existsSync(join(folder, "PG_VERSION"))) return folderBytes(folder);
    const files = await pool.query<{ bytes: Buffer }>(
      `SELECT pg_read_binary_file(pg_relation_filepath(oid)) AS bytes FROM pg_class
       WHERE relkind IN ('r', 't', 'i') AND pg_relation_size(oid) > 0 AND oid >= 16384
       UNION ALL SELECT pg_read_binary_file('pg_wal/' || name) FROM pg_ls_waldir()`,
    );
    return Buffer.concat(files.rows.map(({ bytes }) => bytes));
  } finally {
    await pool.end();
  }
}

/** What is in a backup, inflated. */
export async function backupBytes(path: string): Promise<Buffer> {
  const reader = await BackupReader.open(path, signerOf("key", undefined));
  const records: Buffer[] = [];
  try {
    for (const _part of reader.manifest.parts) {
      for await (const batch of reader.part()) records.push(...batch.map(({ body }) => Buffer.from(body)));
    }
    await reader.finish();
  } finally {
    await reader.close();
  }
  return Buffer.concat(records);
}
