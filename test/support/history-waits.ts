/** Why the processes of the trials of a history do not get on: asked of each of them, and of both servers past all proxies. */
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { Client } from "pg";
import type { TypeScriptChild } from "./typescript-child.ts";

/** An answer that takes longer is none. */
const ANSWER_MS = 5_000;

export async function whatTheyWaitFor(
  processes: Readonly<Record<string, TypeScriptChild | undefined>>,
  urls: { readonly redis: string; readonly postgres: string },
): Promise<string> {
  const parts: Record<string, unknown> = { load: loadavg() };
  for (const [name, child] of Object.entries(processes)) if (child !== undefined) parts[name] = await ofProcess(child);
  parts["redis"] = await patiently(ofRedis(urls.redis));
  parts["postgres"] = await patiently(ofPostgres(urls.postgres));
  return JSON.stringify(parts, undefined, 1);
}

async function ofProcess(child: TypeScriptChild): Promise<object> {
  if (child.end !== undefined) return { ended: child.end, noise: child.noise.slice(-4_000) };
  const isAnswer = (message: unknown): boolean => typeof message === "object" && message !== null && "waits" in message;
  const known = child.messages.length;
  child.send({ ask: "waits" });
  for (let waited = 0; waited < ANSWER_MS; waited += 20) {
    const answer = child.messages.slice(known).find(isAnswer);
    if (answer !== undefined) return { ...(answer as object), noise: child.noise.slice(-2_000) };
    await pause(20);
  }
  // State, and clock ticks of work in user and system mode, as Linux counts them.
  const words = child.pid === undefined ? [] : readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]?.split(" ");
  return { silent: { state: words?.[0], userTicks: words?.[11], systemTicks: words?.[12] }, noise: child.noise.slice(-2_000) };
}

async function ofRedis(url: string): Promise<unknown> {
  const client = new Redis(url, { retryStrategy: () => null });
  client.on("error", () => undefined);
  try {
    const stream = "trial:stream";
    const pending = await client.call("XPENDING", stream, "writers").catch(String);
    const [length, clients, state] = [await client.xlen(stream), await client.client("LIST"), await client.info("persistence")];
    return { length, pending, clients: String(clients).split("\n"), state: state.split("\r\n") };
  } finally {
    client.disconnect();
  }
}

async function ofPostgres(url: string): Promise<unknown> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: ANSWER_MS });
  await client.connect();
  try {
    const { rows } = await client.query(
      `SELECT pid, state, wait_event_type, wait_event, now() - xact_start AS age, pg_blocking_pids(pid)::text AS blocked_by,
        left(regexp_replace(query, '\\s+', ' ', 'g'), 80) AS query
      FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    return rows;
  } finally {
    await client.end();
  }
}

async function patiently(work: Promise<unknown>): Promise<unknown> {
  const late = pause(ANSWER_MS * 2).then(() => "It did not answer.");
  return Promise.race([work.catch(String), late]);
}
