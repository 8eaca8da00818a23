import { createConnection } from "node:net";
import { Client } from "pg";

/** How long one attempt to talk to a server may take, milliseconds. */
const ATTEMPT_MS = 2_000;
/** Pause between two attempts, milliseconds: a Redis is up after about 50, so a longer one would be felt. */
const PAUSE_MS = 15;

/**
 * Asks a Redis what it is, by its own protocol: a port that accepts may belong to a server that is still loading its data.
 * @throws if it does not answer `PING` with `PONG`
 */
export async function probeRedis(url: string): Promise<string> {
  const { hostname, port, password, username } = new URL(url);
  const login = password === "" ? "" : encode(["AUTH", decodeURIComponent(username || "default"), decodeURIComponent(password)]);
  const reply = await new Promise<string>((resolve, reject) => {
    let text = "";
    const socket = createConnection({ host: hostname, port: Number(port || 6379) });
    socket.setTimeout(ATTEMPT_MS, () => socket.destroy(new Error(`Redis at port ${port} did not answer in ${ATTEMPT_MS} ms`)));
    socket.setEncoding("utf8");
    socket.on("connect", () => socket.write(`${login}PING\r\nINFO server\r\nQUIT\r\n`));
    socket.on("data", (chunk: string) => (text += chunk));
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
  if (!reply.includes("+PONG")) throw new Error(`Redis answered ${JSON.stringify(reply.slice(0, 80))} to PING`);
  const valkey = /^valkey_version:(\S+)/m.exec(reply)?.[1];
  return valkey === undefined ? `Redis ${/^redis_version:(\S+)/m.exec(reply)?.[1] ?? "of unknown version"}` : `Valkey ${valkey}`;
}

/** A command in Redis' protocol (RESP); unlike a plain line it carries spaces in a password. */
function encode(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}

/**
 * Asks a PostgreSQL what it is, with a query: its port opens before it serves.
 * @throws if it does not answer, or cannot be given the extension `vector`
 */
export async function probePostgres(url: string): Promise<string> {
  const [row] = await queryOnce(
    url,
    `SELECT current_setting('server_version') AS server,
            (SELECT default_version FROM pg_available_extensions WHERE name = 'vector') AS vector`,
  );
  if (typeof row?.["vector"] !== "string") throw new Error('PostgreSQL has no extension "vector"; install pgvector');
  return `PostgreSQL ${String(row["server"]).split(" ")[0]}, pgvector ${row["vector"]}`;
}

/** Runs one statement on a connection of its own. */
export async function queryOnce(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: ATTEMPT_MS });
  client.on("error", () => {}); // A server that dies under the query fails the query as well, and that is the error we want.
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * Repeats `attempt` until it resolves.
 * @param hopeless asked before each attempt: the error that ends the wait, if there is one
 * @throws the last attempt's error after `withinMs`
 */
export async function waitFor<T>(
  attempt: () => Promise<T>,
  withinMs: number,
  hopeless: () => Error | undefined | Promise<Error | undefined>,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const end = await hopeless();
    if (end !== undefined) throw end;
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
