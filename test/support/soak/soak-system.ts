/** A whole system over real servers behind proxies, with its dashboard open and its alerts on. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createStrata, type Strata } from "../../../src/index.ts";
import type { Dashboard } from "../../../src/dashboard.ts";
import { faultProxy } from "../fault-proxy.ts";
import { ScriptedModel } from "../scripted-model.ts";
import { queryOnce } from "../servers/probes.ts";
import { startPostgres, startRedis } from "../servers/routes.ts";
import type { SoakServers } from "./soak-faults.ts";

export interface SoakSystem {
  readonly strata: Strata;
  readonly dashboard: Dashboard;
  readonly servers: SoakServers;
  close(): Promise<void>;
}

/** Small enough that everything that has a bound reaches it during the warm-up. */
const SMALL = {
  memory: { maxBytes: "512kb" },
  disk: { maxBytes: "8mb" },
  ttl: "2m",
  stale: "30s",
} as const;

export async function openSoakSystem(): Promise<SoakSystem> {
  const folder = mkdtempSync(join(tmpdir(), "strata-soak-"));
  const [redis, postgres] = await Promise.all([
    startRedis({ args: ["--maxmemory", "24mb", "--maxmemory-policy", "volatile-lru"] }),
    startPostgres({}),
  ]);
  await queryOnce(postgres.url, "CREATE EXTENSION IF NOT EXISTS vector");
  const [redisProxy, postgresProxy] = await Promise.all([faultProxy(redis.port), faultProxy(postgres.port)]);
  const strata = await createStrata({
    data: folder,
    model: soakModel(),
    redis: redisProxy.through(redis.url),
    postgres: postgresProxy.through(postgres.url),
    cache: { ...SMALL, redis: true, archive: true, storePrompts: true, semantic: { policy: "static", similarity: 0.9 } },
    history: { window: 10 },
    rerank: true,
    // Else what the archive keeps of entries that have expired grows for ever, and with it the table of the dashboard's explorer.
    maintenance: { jobs: [{ task: "expired-entries", cron: "*/20 * * * * *" }] },
    observability: { recentEvents: 200, alerts: { every: "1s", onAlert: () => undefined } },
  });
  async function close(): Promise<void> {
    await strata.close();
    await Promise.all([redisProxy.close(), postgresProxy.close()]);
    await Promise.all([redis.stop(), postgres.stop()]);
    rmSync(folder, { recursive: true, force: true });
  }
  try {
    await strata.addContext(
      Array.from({ length: 40 }, (_, index) => ({
        id: `d${index}`,
        text: `Paragraph ${index} tells of order ${index * 7} and its stop.`,
      })),
    );
    const dashboard = await strata.startDashboard({ allowWrites: true, showPrompts: true });
    return { strata, dashboard, servers: { redis, postgres, redisProxy, postgresProxy, folder }, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Answers of about a kilobyte after a few milliseconds; what it was asked it does not keep. */
function soakModel(): ScriptedModel {
  const model = new ScriptedModel({
    model: "soak",
    async reply({ messages }) {
      model.calls.length = 0;
      await pause(5);
      return answerTo(messages.at(-1)?.text ?? "");
    },
    async *chunks({ messages, options }) {
      model.calls.length = 0;
      for (const word of answerTo(messages.at(-1)?.text ?? "").match(/.{1,200}/g) ?? []) {
        await pause(1);
        options.signal?.throwIfAborted();
        yield word;
      }
    },
  });
  return model;
}

function answerTo(question: string): string {
  return `About ${question.slice(0, 100)}: `.padEnd(1_000, "it depends on what was agreed. ");
}
