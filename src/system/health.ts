/** Whether the servers that a config names can be reached, and what they said when not. */
import { access, constants } from "node:fs/promises";
import { dirname } from "node:path";
import { connectRedis } from "../clients/redis.ts";
import type { SqlClient } from "../clients/sql.ts";
import { sleep } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { StrataError } from "../core/errors.ts";
import type { CheckedConfig } from "./config/read-config.ts";

export interface PartHealth {
  readonly part: "data" | "redis" | "postgres";
  readonly ok: boolean;
  readonly ms: number;
  /** Of a server that a URL names: the URL without who and which password; of `data`, the folder. */
  readonly at?: string;
  /** Why not; no URL and no password is in it. */
  readonly message?: string;
}

/** How long one part may take to answer. */
const DEADLINE_MS = 3_000;

/** Asks every server that is configured, and looks at the data folder. Never rejects. */
export async function checkHealth(config: CheckedConfig, sql: SqlClient, clock: Clock): Promise<PartHealth[]> {
  const { redis, postgres, data } = config;
  const checks: Promise<PartHealth>[] = [look("data", clock, () => writable(data))];
  if (redis !== undefined) {
    checks.push(
      look("redis", clock, async () => {
        const connection = connectRedis(redis, { option: "redis", clock });
        try {
          await connection.send(["PING"]);
        } finally {
          await connection.close();
        }
      }),
    );
  }
  if (postgres !== undefined) checks.push(look("postgres", clock, () => sql.query("SELECT 1")));
  const places = { data, redis: placeOf(redis), postgres: placeOf(postgres) };
  return (await Promise.all(checks)).map((health) => {
    const place = places[health.part];
    return { ...health, ...(place !== undefined && { at: place }) };
  });
}

/** A URL is checked with the config; what else names a server (a client, a pool) is not looked into. */
function placeOf(server: unknown): string | undefined {
  if (typeof server !== "string") return undefined;
  const { protocol, host, pathname } = new URL(server);
  return `${protocol}//${host}${pathname === "/" ? "" : pathname}`;
}

/** @throws {@link StrataError} `UNAVAILABLE` naming every part that cannot be used, and why */
export function requireHealthy(health: readonly PartHealth[]): void {
  const broken = health.filter(({ ok }) => !ok);
  if (broken.length === 0) return;
  const reasons = broken.map(
    ({ part, at = "", message = "" }) => `\`${part}\`${at && ` (${at})`}: ${message.replace(/\.$/, "")}`,
  );
  throw new StrataError("UNAVAILABLE", `The config names what cannot be used. ${reasons.join("; ")}`);
}

async function look(part: PartHealth["part"], clock: Clock, ask: () => Promise<unknown>): Promise<PartHealth> {
  const startedAt = clock.monotonic();
  const late = new AbortController();
  const overdue = sleep(clock, DEADLINE_MS, { signal: late.signal }).then(() => {
    throw new StrataError("TIMEOUT", `No answer within ${DEADLINE_MS} ms.`);
  });
  overdue.catch(() => undefined);
  try {
    await Promise.race([ask(), overdue]);
    return { part, ok: true, ms: clock.monotonic() - startedAt };
  } catch (error) {
    return { part, ok: false, ms: clock.monotonic() - startedAt, message: textOf(error) };
  } finally {
    late.abort();
  }
}

/** The folder itself, or the nearest one above it that is there. */
async function writable(folder: string): Promise<void> {
  try {
    await access(folder, constants.R_OK | constants.W_OK);
  } catch (error) {
    const above = dirname(folder);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || above === folder) throw error;
    await writable(above);
  }
}

/** Node tells of a host with several addresses by an error without a text of its own. */
function textOf(error: unknown): string {
  const { message, code, errors } = error as {
    readonly message?: string;
    readonly code?: string;
    readonly errors?: readonly unknown[];
  };
  if (message !== undefined && message !== "") return message;
  return errors?.[0] === undefined ? (code ?? "no reason was given") : textOf(errors[0]);
}
