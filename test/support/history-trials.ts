/**
 * Kills the parts of a history under load, one after another at random moments, and compares what is stored in the end with what
 * the application was told. Every part is a real process: application, writer, Redis (synced before each reply), PostgreSQL (as it
 * ships).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import type { Durability } from "../../src/history/hybrid-log.ts";
import type { MessageLog } from "../../src/history/message-log.ts";
import { readOracle, type Attempt } from "../fixtures/history/oracle.ts";
import { BATCH, openLog, talk, TALKS, type Bug, type Setup } from "../fixtures/history/setup.ts";
import { faultProxy } from "./fault-proxy.ts";
import { seededRandom } from "./seeded-random.ts";
import { startPostgres, startRedis } from "./servers/routes.ts";
import { startTypeScript, type TypeScriptChild } from "./typescript-child.ts";
import { whatTheyWaitFor } from "./history-waits.ts";

/** `flush` takes all data from Redis; `replies` of both servers are swallowed for a while, and the connections then reset. */
export type Victim = "application" | "writer" | "redis" | "postgres" | "flush" | "replies";

export interface TrialsOptions {
  readonly trials: number;
  readonly durability: Durability;
  readonly seed: number;
  readonly victims: readonly Victim[];
  readonly bug?: Bug;
  /** Whether a writer runs in a process of its own, beside the application's; default `true`. */
  readonly workers?: boolean;
  readonly onTrial?: (done: number, victim: Victim) => void;
}

export interface TrialsReport {
  readonly killed: Readonly<Record<string, number>>;
  readonly acknowledged: number;
  /** Batches that were acknowledged and are not stored whole, once, in one piece. */
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  /** Messages in a conversation that they were not written to. */
  readonly foreign: number;
  /** Numbers that were acknowledged for two messages, or for another message than has them. */
  readonly renumbered: number;
  /** Conversations that read otherwise through Redis than from PostgreSQL alone. */
  readonly divided: number;
  /** The first findings, in words. */
  readonly findings: readonly string[];
}

/** Long enough for a server to recover on a machine that has other work. */
const PATIENCE_MS = 60_000;
const FIXTURES = new URL("../fixtures/history/", import.meta.url);

function start(file: string, ...words: string[]): TypeScriptChild {
  return startTypeScript(fileURLToPath(new URL(file, FIXTURES)), words);
}

export async function runTrials(options: TrialsOptions): Promise<TrialsReport> {
  const { trials, durability, seed, victims, bug = "none" } = options;
  const random = seededRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), "strata-history-"));
  const oracle = join(folder, "oracle");
  const [redis, postgres] = await Promise.all([startRedis({ aof: true }), startPostgres({ durability: "shipped" })]);
  const proxies = await Promise.all([faultProxy(redis.port), faultProxy(postgres.port)]);
  const [redisUrl, databaseUrl] = [proxies[0].through(redis.url), proxies[1].through(postgres.url)];
  const setup: Setup = { databaseUrl, redisUrl, prefix: "trial", durability, bug };
  const words = JSON.stringify(setup);
  let generation = 0;
  let application = start("app.ts", words, oracle, String(generation));
  let writer = options.workers === false ? undefined : start("worker.ts", words);
  const killed: Record<string, number> = {};
  let last = "nothing";
  const stuck = async (): Promise<string> => {
    const waits = await whatTheyWaitFor({ application, writer }, { redis: redis.url, postgres: postgres.url });
    const what = application.end === undefined ? `was told nothing for ${PATIENCE_MS / 1_000} s` : "ended by itself";
    return `The application ${what}; last killed: ${last}. ${waits}`;
  };
  try {
    for (let trial = 0; trial < trials; trial++) {
      await progress(application, stuck);
      await pause(random() * 60);
      const victim = victims[Math.floor(random() * victims.length)] as Victim;
      killed[victim] = (killed[victim] ?? 0) + 1;
      last = `${victim} in trial ${trial}`;
      if (victim === "application") {
        await application.kill();
        application = start("app.ts", words, oracle, String(++generation));
      } else if (victim === "writer") {
        await writer?.kill();
        writer = start("worker.ts", words);
      } else if (victim === "flush") {
        await flush(redis.url);
      } else if (victim === "replies") {
        for (const proxy of proxies) proxy.set({ replies: { drop: true } });
        await pause(10 + random() * 30);
        for (const proxy of proxies) {
          proxy.reset();
          proxy.set({});
        }
      } else {
        const server = victim === "redis" ? redis : postgres;
        await server.kill();
        await pause(random() * 150);
        await server.restart();
      }
      options.onTrial?.(trial + 1, victim);
    }
    await progress(application, stuck);
    await application.kill();
    return { killed, ...(await verify(setup, readOracle(oracle))) };
  } finally {
    await Promise.all([application.kill(), writer?.kill()]);
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await Promise.all([redis.stop(), postgres.stop()]);
    rmSync(folder, { recursive: true });
  }
}

/** Waits until the application has been told of more. */
async function progress(application: TypeScriptChild, stuck: () => Promise<string>): Promise<void> {
  const counts = (): number => application.messages.findLast((message) => typeof message === "number") ?? 0;
  const before = counts();
  const giveUp = performance.now() + PATIENCE_MS;
  while (counts() < before + TALKS) {
    if (performance.now() > giveUp || application.end !== undefined) throw new Error(await stuck());
    await pause(5);
  }
}

async function flush(url: string): Promise<void> {
  const client = new Redis(url);
  await client.flushall();
  client.disconnect();
}

async function verify(setup: Setup, attempts: readonly Attempt[]): Promise<Omit<TrialsReport, "killed">> {
  const hybrid = openLog({ ...setup, bug: "none" });
  const plain = openLog({ ...setup, bug: "none", durability: "postgres", prefix: "nobody writes here" });
  const report = {
    acknowledged: 0,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    foreign: 0,
    renumbered: 0,
    divided: 0,
    findings: [] as string[],
  };
  try {
    await hybrid.log.drain({ signal: AbortSignal.timeout(20_000) });
    for (let index = 0; index < TALKS; index++) {
      const stored = await hybrid.log.read(talk(index));
      const alone = await plain.log.read(talk(index));
      if (JSON.stringify(stored) !== JSON.stringify(alone)) report.divided++;
      compare(
        index,
        alone,
        attempts.filter((attempt) => attempt.talk === index),
        report,
      );
    }
    return report;
  } finally {
    await Promise.all([hybrid.end(), plain.end()]);
  }
}

function compare(
  index: number,
  stored: Awaited<ReturnType<MessageLog["read"]>>,
  attempts: readonly Attempt[],
  report: { -readonly [K in keyof Omit<TrialsReport, "killed" | "findings">]: number } & { findings: string[] },
): void {
  const places = new Map<string, number[]>();
  for (const [place, { payload }] of stored.entries()) {
    const told = JSON.parse(payload) as { talk: number; batch: string; at: number };
    if (told.talk !== index) report.foreign++;
    const name = `${told.batch}/${told.at}`;
    places.set(name, [...(places.get(name) ?? []), place]);
  }
  for (const list of places.values()) report.duplicated += list.length - 1;
  const tell = (what: string, batch: string): void => {
    if (report.findings.length < 30) report.findings.push(`${what}: talk ${index}, batch ${batch}`);
  };
  const given = new Set<number>();
  let after = -1;
  for (const { batch, seqs } of attempts) {
    const at = Array.from({ length: BATCH }, (_, part) => places.get(`${batch}/${part}`)?.[0]);
    const isWhole = at.every((place) => place !== undefined);
    if (seqs !== undefined) {
      report.acknowledged++;
      if (!isWhole) {
        report.lost++;
        tell("lost", batch);
      }
      for (const [part, seq] of seqs.entries()) {
        const place = at[part];
        if (given.has(seq) || (place !== undefined && stored[place]?.seq !== seq)) report.renumbered++;
        given.add(seq);
      }
    } else if (!isWhole && at.some((place) => place !== undefined)) report.lost++;
    if (!isWhole) continue;
    const [first = 0] = at;
    // In one piece, and after everything that was told before.
    if (first <= after || at.some((place, part) => place !== first + part)) {
      report.reordered++;
      tell(
        `reordered, ${seqs === undefined ? "not " : ""}acknowledged, at ${at.join()} after ${after}, ${stored[first]?.seq} after ${stored[after]?.seq}`,
        batch,
      );
    }
    after = at.at(-1) ?? after;
  }
}
