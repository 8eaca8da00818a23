/**
 * Makes what was destroyed whole again out of what is left, and says what is not.
 *
 * | destroyed | made of | by |
 * | --- | --- | --- |
 * | a tier | the other tiers | `rebuildTier` |
 * | the vector index of similar questions | the questions that lie in the tiers | `rebuildVectors` |
 * | the search over the history | the messages | `rebuildSearch` |
 * | vectors of messages | the messages | `reembedMessages` |
 * | windows of the history in Redis | PostgreSQL, by itself at the next read | |
 */
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import { waitOrAbort, type CallOptions } from "../core/abort.ts";
import { systemClock } from "../core/clock.ts";
import { refuseUnknown } from "../core/options.ts";
import { EVERY_VECTOR, isQuestion } from "../cache/semantic/questions.ts";
import { scopesWithin } from "../cache/tags.ts";
import type { CacheTier, TierEntry } from "../cache/tier.ts";
import type { SqlClient } from "../clients/sql.ts";
import { historyTables } from "../history/tables/history-tables.ts";
import { MessageIndex } from "../history/tables/message-index.ts";
import type { VectorIndex, VectorRecord } from "../vectors/vector-index.ts";
import { storedAt, tagsOf } from "./tasks/entries-task.ts";
import { readQuestion } from "./tasks/orphaned-questions.ts";

export interface RebuildReport {
  /** Entries, vectors or messages that are there again. */
  readonly restored: number;
  /** What is not, in words for people. */
  readonly lost: readonly string[];
}

export interface RebuildTierOptions extends CallOptions {
  /** The tier that lost something; what it still has stays. */
  readonly tier: CacheTier;
  /** Where the entries may still be, the best first. */
  readonly from: readonly CacheTier[];
}

const AT_ONCE = 200;
const TEXTS_AT_ONCE = 64;

/**
 * Copies into a tier what other tiers have and it has not.
 * @throws {@link StrataConfigError} naming the option; what the tier throws
 */
export async function rebuildTier(options: RebuildTierOptions): Promise<RebuildReport> {
  refuseUnknown("rebuildTier", options, ["tier", "from", "signal"]);
  const { tier, from, signal } = options;
  const lost = [`What was in ${tier.name} alone: no other tier knows how much that was.`];
  let restored = 0;
  for (const source of from) {
    try {
      for await (const batch of batchesOf(source.entries({ signal }), AT_ONCE)) {
        const whole = batch.filter((entry) => storedAt(entry) !== undefined);
        const there = await tier.get(
          whole.map(({ key }) => key),
          { signal },
        );
        const missing = whole.filter((_entry, index) => there[index] === undefined);
        // Tags of some tiers are digests; those in the value are the ones that a tier is given.
        if (missing.length > 0)
          await tier.set(
            missing.map((entry) => ({ ...entry, tags: tagsOf(entry) })),
            { signal },
          );
        restored += missing.length;
      }
    } catch (error) {
      signal?.throwIfAborted();
      lost.push(`What ${source.name} has: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { restored, lost };
}

export interface RebuildVectorsOptions extends CallOptions {
  /** Where the questions lie: the tiers of the cache. */
  readonly tiers: readonly CacheTier[];
  readonly index: VectorIndex;
  /** The model that the semantic cache uses. */
  readonly embeddings: EmbeddingsInterface;
}

/**
 * Embeds every remembered question again and puts it into the index.
 * @throws {@link StrataConfigError} naming the option; what the embeddings and the index throw
 */
export async function rebuildVectors(options: RebuildVectorsOptions): Promise<RebuildReport> {
  refuseUnknown("rebuildVectors", options, ["tiers", "index", "embeddings", "signal"]);
  const { tiers, index, embeddings, signal } = options;
  let [restored, unreadable] = [0, 0];
  const done = new Set<string>();
  for (const tier of tiers) {
    for await (const batch of batchesOf(tier.entries({ signal }), TEXTS_AT_ONCE)) {
      const questions: { readonly entry: TierEntry; readonly id: string; readonly partition: string; readonly text: string }[] =
        [];
      for (const entry of batch) {
        if (!isQuestion(tagsOf(entry)) || done.has(entry.key)) continue;
        done.add(entry.key);
        const { id, record } = (await readQuestion(entry)) ?? {};
        if (id === undefined || record === undefined) unreadable++;
        else if (record.partition !== undefined) questions.push({ entry, id, partition: record.partition, text: record.text });
      }
      if (questions.length === 0) continue;
      const vectors = await waitOrAbort(embeddings.embedDocuments(questions.map(({ text }) => text)), signal);
      const partitions = new Map<string, VectorRecord[]>();
      for (const [at, { entry, id, partition }] of questions.entries()) {
        const { scope, expiresAt } = entry;
        const tags = [EVERY_VECTOR, ...(scope === undefined ? [] : [scope]), ...scopesWithin(tagsOf(entry))];
        const record: VectorRecord = { id, vector: Float32Array.from(vectors[at] ?? []), tags, expiresAt };
        partitions.set(partition, [...(partitions.get(partition) ?? []), record]);
      }
      for (const [partition, records] of partitions) await index.add(partition, records, { signal });
      restored += questions.length;
    }
  }
  return { restored, lost: unreadable === 0 ? [] : [`${unreadable} questions that cannot be read.`] };
}

/**
 * Reads every message again that search does not know.
 * @throws {@link StrataConfigError} naming the option; what the database throws
 */
export async function rebuildSearch(options: CallOptions & { readonly sql: SqlClient }): Promise<RebuildReport> {
  refuseUnknown("rebuildSearch", options, ["sql", "signal"]);
  const { signal } = options;
  const tables = historyTables("rebuildSearch", { sql: options.sql });
  const [noted] = await tables.query<{ n: number }>(
    `WITH missing AS (
       SELECT m.conversation_id, m.seq FROM strata_messages m WHERE m.text <> '' AND NOT EXISTS (
         SELECT FROM strata_message_words w WHERE w.conversation_id = m.conversation_id AND w.seq = m.seq)
     ), noted AS (
       INSERT INTO strata_unread_messages SELECT conversation_id, array_agg(seq) FROM missing GROUP BY conversation_id
     )
     SELECT count(*) AS n FROM missing`,
    [],
    { signal },
  );
  const index = new MessageIndex({ tables, clock: systemClock });
  await index.drain({ signal });
  await index.close();
  return { restored: noted?.n ?? 0, lost: [] };
}

async function* batchesOf<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<readonly T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
