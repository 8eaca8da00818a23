/** Makes the parts of a checked config and joins them. Nothing here connects, loads a model or waits: every part does at its first use. */
import { join } from "node:path";
import { sleep } from "../core/abort.ts";
import { systemClock } from "../core/clock.ts";
import { guardObserver } from "../core/events.ts";
import { Backups } from "./backups.ts";
import { ChatEngine } from "./chat/chat-engine.ts";
import type { CheckedConfig } from "./config/read-config.ts";
import { cachePart } from "./parts/cache.ts";
import { Dashboards } from "./dashboards.ts";
import { Forgetting } from "./forgetting.ts";
import { Knowledge } from "./documents/knowledge.ts";
import { documentsPart } from "./parts/documents.ts";
import { conversationsPart, memoryPart, sqlPart } from "./parts/conversations.ts";
import { encryptionPart } from "./parts/encryption.ts";
import { embeddingsPart } from "./parts/embeddings.ts";
import { lazyModel } from "./parts/model.ts";
import { checkHealth, type PartHealth } from "./health.ts";
import { observabilityPart } from "./parts/observability.ts";
import { promptsPart } from "./parts/prompts.ts";
import { rerankPart } from "./parts/rerank.ts";
import { Services } from "./services.ts";
import { Strata } from "./strata.ts";

/** How long `close()` waits for each part to write what waits. */
const CLOSE_GRACE_MS = 10_000;
/** How long it waits for answers under way, before it ends them. */
const ANSWER_GRACE_MS = 8_000;

export function assemble(config: CheckedConfig): Strata {
  const { clock = systemClock, history = {}, chat, postgres } = config;
  const startedAt = clock.monotonic();
  // Before anything is made: a key that is none is refused with nothing open.
  const encryption = encryptionPart(config);
  const { observer, metrics, events, alerts } = observabilityPart(config, (event) => services.log(event));
  const sql = sqlPart(config);
  const embeddings = embeddingsPart(config, observer, encryption);
  /** PGlite is for one process and slow to open: what may lie elsewhere does. */
  const shared = postgres === undefined ? undefined : sql;
  const { cache, tiers } = cachePart(config, { embeddings, sql: shared, observer, encryption });
  const conversations = conversationsPart(config, sql, observer, encryption);
  const memory = memoryPart(config, conversations, embeddings, observer);
  const rerank = rerankPart(config, observer);
  const documents = documentsPart(config, embeddings, shared, observer);
  const prompts = promptsPart(config);
  const knowledge = new Knowledge({
    ...{ store: documents, cache, rerank, clock, observer, config: config.documents ?? {} },
    reranksByDefault: config.rerank !== undefined && config.rerank !== false,
  });
  metrics?.watch(cache);
  const embedded = postgres === undefined ? join(config.data, "history") : undefined;
  const backups = new Backups({ cache, tiers, vectors: embeddings.kept, sql, embedded, data: config.data, clock });
  const forgetting = new Forgetting({
    ...{ cache, documents, conversations, memory, data: config.data, clock },
    // Messages may be on their way to it.
    embedded: config.redis === undefined ? embedded : undefined,
  });
  const services = new Services({
    ...{ config, metrics, observer },
    places: { tiers, sql, parts: () => backups.parts() },
  });
  const health = (): Promise<PartHealth[]> => checkHealth(config, sql, clock);
  const dashboards = new Dashboards({ metrics, events, alerts, cache, conversations, health, clock });
  const { window, windowTokens } = history;
  const engine = new ChatEngine({
    ...{ cache, conversations, memory, prompts, knowledge, clock, deadline: chat.deadline, system: chat.system },
    model: lazyModel(config.model),
    emit: guardObserver(observer),
    window: window === undefined && windowTokens === undefined ? undefined : { messages: window, tokens: windowTokens },
    summaries: history.summaries === true,
  });

  /** The last first: what is asked by others is closed after them. A part that does not end in time does not hold up the others. */
  async function close(): Promise<void> {
    const groups: readonly (readonly (() => unknown)[])[] = [
      [
        () => engine.end(ANSWER_GRACE_MS),
        () => knowledge.end(),
        () => dashboards.close(),
        () => alerts?.close(),
        () => services.stop(),
      ],
      [() => cache.close(), () => memory.close(), () => rerank.close(), () => documents.close(), () => conversations.close()],
      [() => sql.close(), () => embeddings.close(), () => metrics?.close()],
      // The last events are of the end.
      [() => services.close()],
    ];
    for (const group of groups) await Promise.all(group.map((end) => within(async () => end())));
  }

  async function within(end: () => Promise<unknown>): Promise<void> {
    const late = new AbortController();
    const waiting = sleep(clock, CLOSE_GRACE_MS, { signal: late.signal }).catch(() => undefined);
    await Promise.race([end().catch(() => undefined), waiting]);
    late.abort();
  }

  return new Strata(
    { cache, embeddings: embeddings.embeddings, conversations, memory, rerank, documents, prompts, metrics, events, alerts },
    {
      engine,
      knowledge,
      dashboards,
      backups,
      forgetting,
      health,
      services,
      uptimeMs: () => clock.monotonic() - startedAt,
      close,
    },
  );
}
