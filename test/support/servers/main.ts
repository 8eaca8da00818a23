/**
 * Starts the test servers and keeps them until Ctrl-C: `npx tsx test/support/servers/main.ts [--shipped]`.
 * With `--shipped` PostgreSQL is as durable as it ships; else it is fast and forgetful, as in tests.
 */
import { openSharedServers } from "./shared-servers.ts";

async function main(args: readonly string[]): Promise<void> {
  const unknown = args.find((arg) => arg !== "--shipped");
  if (unknown !== undefined) throw new Error(`Unknown option ${unknown}; accepted: --shipped`);
  const servers = await openSharedServers({ postgres: { durability: args.includes("--shipped") ? "shipped" : "fast" } });
  for (const line of servers.report) console.log(`# ${line}`);
  console.log(`export TEST_DATABASE_URL=${servers.databaseUrl}`);
  console.log(`export TEST_REDIS_URL=${servers.redisUrl}`);
  console.log("# Ctrl-C ends them");
  const wait = setInterval(() => {}, 60_000);
  await new Promise<void>((resolve) => {
    // Heard for ever: a terminal and a wrapper such as tsx both send it, and the second would end us in the middle of closing.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
  });
  clearInterval(wait);
  await servers.close();
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
