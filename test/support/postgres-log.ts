/**
 * PostgreSQL's write-ahead log as one text. A record goes on over the end of a page, and every page begins with a header, which would
 * hide one text in a few hundred from a search: the headers are left out (`XLogPageHeaderData`, src/include/access/xlog_internal.h).
 */
import type { Pool } from "pg";

const PAGE = 8_192;
const HEADER = 24;
/** Of the first page of a segment. */
const LONG_HEADER = 40;
const IS_LONG = 0x0002;

/** Where the log ends, to begin with later. */
export async function endOfLog(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ at: string }>("SELECT pg_current_wal_lsn()::text AS at");
  return rows[0]?.at ?? "";
}

/** The segments of the log from this place to its end. */
export async function logSince(pool: Pool, at: string): Promise<Buffer> {
  const { rows } = await pool.query<{ bytes: Buffer }>(
    `SELECT pg_read_binary_file('pg_wal/' || name) AS bytes FROM pg_ls_waldir()
     WHERE name BETWEEN pg_walfile_name($1::pg_lsn) AND pg_walfile_name(pg_current_wal_lsn()) ORDER BY name`,
    [at],
  );
  return Buffer.concat(rows.flatMap(({ bytes }) => [...pagesOf(bytes)]));
}

function* pagesOf(segment: Buffer): Generator<Buffer> {
  for (let at = 0; at < segment.byteLength; at += PAGE) {
    const isLong = (segment.readUInt16LE(at + 2) & IS_LONG) !== 0;
    yield segment.subarray(at + (isLong ? LONG_HEADER : HEADER), at + PAGE);
  }
}
