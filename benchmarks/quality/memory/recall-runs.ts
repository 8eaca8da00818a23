/** Recalls through the public retriever: what each strategy and the router find, for how many tokens. */
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import type { SqlClient } from "../../../src/clients/sql.ts";
import { ConversationStore } from "../../../src/history/conversation-store.ts";
import { postgresLog } from "../../../src/history/logs/postgres.ts";
import type { SessionState } from "../../../src/history/tables/turn-search.ts";
import { AdaptiveMemoryRetriever } from "../../../src/memory/memory-retriever.ts";
import type { FoundTurn, Strategy } from "../../../src/memory/strategy.ts";
import type { TurnSource } from "../../../src/memory/turns/turn-source.ts";
import type { BenchConversation, Question } from "./conversations.ts";
import { mean, recallAt } from "./metrics.ts";

export interface RecallRow {
  readonly question: Question;
  readonly recall: number;
  readonly capped: number;
  readonly tokens: number;
  readonly ms: number;
  readonly strategy: Strategy;
}

export interface RecallSet extends Pick<BenchConversation, "turns" | "questions"> {
  /** Unix ms; default a minute after the last turn. */
  readonly now?: number | undefined;
}

export interface RecallRun {
  readonly now?: number | undefined;
  readonly embeddings?: EmbeddingsInterface | undefined;
  readonly strategy: "auto" | Strategy;
  /** Where the turns are stored first; default in no database. */
  readonly sql?: SqlClient | undefined;
  /** Above it the owner is searched in the database. */
  readonly maxTurns?: number | undefined;
}

/** One conversation of a set as an owner's history. */
export function sourceOf({ turns }: Pick<BenchConversation, "turns">): TurnSource {
  const lastSeq = new Map<string, number>();
  for (const { sessionId, seq } of turns) lastSeq.set(sessionId, Math.max(seq, lastSeq.get(sessionId) ?? 0));
  const states: SessionState[] = [...lastSeq].map(([sessionId, seq]) => ({ sessionId, lastSeq: seq, revision: "1" }));
  const all = turns.map(({ name, ...turn }) => ({ ...turn, ...(name !== undefined && { name }) }));
  return { position: async () => "1", sessions: async () => states, turns: async () => ({ turns: all }) };
}

/** The same in the tables of a ConversationStore: what an application would have. */
async function storedIn(
  sql: SqlClient,
  { turns }: Pick<BenchConversation, "turns">,
  ownerId: string,
): Promise<ConversationStore> {
  const log = postgresLog({ sql });
  for (const sessionId of new Set(turns.map((turn) => turn.sessionId))) {
    const own = turns.filter((turn) => turn.sessionId === sessionId);
    const messages = own.map(({ id, role, name, createdAt, text }) => ({
      ...{ id, role, createdAt, text, payload: "{}" },
      ...(name !== undefined && { name }),
    }));
    await log.append({ ownerId, sessionId }, messages);
  }
  await log.drain();
  await log.close();
  return new ConversationStore({ sql });
}

let owners = 0;

export async function recalls(
  conversation: Pick<BenchConversation, "turns" | "questions">,
  run: RecallRun,
): Promise<RecallRow[]> {
  const { strategy, embeddings } = run;
  const now = run.now ?? Math.max(...conversation.turns.map(({ createdAt }) => createdAt || 0)) + 60_000;
  const ownerId = `owner-${owners++}`;
  const store = run.sql === undefined ? undefined : await storedIn(run.sql, conversation, ownerId);
  const memory = new AdaptiveMemoryRetriever({
    store: store ?? sourceOf(conversation),
    ...{ embeddings, strategy, maxTurns: run.maxTurns },
    queryCache: false,
    exploration: 0,
  });
  await memory.warm({ ownerId });
  const rows: RecallRow[] = [];
  for (const question of conversation.questions) {
    const recall = await memory.recall(question.text, { ownerId, now: new Date(now) });
    const ids = recall.documents.map(({ metadata }) => metadata.messageId);
    const quality = question.relevant.size === 0 ? undefined : recallAt(ids, question.relevant);
    rows.push({
      question,
      recall: quality?.recall ?? Number.NaN,
      capped: quality?.capped ?? Number.NaN,
      tokens: recall.documents.reduce((sum, { pageContent }) => sum + Math.ceil(pageContent.length / 4), 0),
      ms: recall.latencyMs,
      strategy: recall.strategy,
    });
  }
  await memory.close();
  await store?.close();
  return rows;
}

/** What `hybrid` finds for each question, with its scores. */
export async function foundBy(
  conversation: Pick<BenchConversation, "turns" | "questions">,
  embeddings: EmbeddingsInterface | undefined,
): Promise<{ found: readonly FoundTurn[]; relevant: ReadonlySet<string> }[]> {
  const now = Math.max(...conversation.turns.map(({ createdAt }) => createdAt || 0)) + 60_000;
  const ownerId = `owner-${owners++}`;
  const memory = new AdaptiveMemoryRetriever({
    store: sourceOf(conversation),
    embeddings,
    strategy: "hybrid",
    queryCache: false,
    exploration: 0,
  });
  await memory.warm({ ownerId });
  const turns = new Map(conversation.turns.map((turn) => [turn.id, turn]));
  const lists: { found: readonly FoundTurn[]; relevant: ReadonlySet<string> }[] = [];
  for (const { text, relevant } of conversation.questions) {
    const { documents } = await memory.recall(text, { ownerId, now: new Date(now) });
    const found = documents.flatMap(({ metadata }): FoundTurn[] => {
      const turn = turns.get(metadata.messageId);
      return turn === undefined ? [] : [{ turn, score: metadata.score, source: metadata.source }];
    });
    lists.push({ found, relevant });
  }
  await memory.close();
  return lists;
}

/**
 * A line of the table: recall where something is to be found, tokens over all questions, and how much less is found than by the best
 * strategy of each question.
 */
export function routingLine(
  name: string,
  rows: readonly RecallRow[],
  always: readonly RecallRow[],
  best: readonly number[],
): string {
  const answerable = rows.filter(({ recall }) => !Number.isNaN(recall));
  const regret = mean(rows.flatMap(({ recall }, at) => (Number.isNaN(recall) ? [] : [(best[at] ?? recall) - recall])));
  const uses = new Map<Strategy, number>();
  for (const { strategy } of rows) uses.set(strategy, (uses.get(strategy) ?? 0) + 1);
  const used = [...uses]
    .toSorted((a, b) => b[1] - a[1])
    .map(([strategy, count]) => `${strategy} ${((100 * count) / rows.length).toFixed(0)} %`);
  const tokens = mean(rows.map((row) => row.tokens));
  const fewer = 100 - (100 * tokens) / mean(always.map((row) => row.tokens));
  const ofAnswers = (pick: (row: RecallRow) => number): string =>
    answerable.length === 0 ? "" : mean(answerable.map(pick)).toFixed(3);
  const columns = [
    ofAnswers((row) => row.recall),
    ofAnswers((row) => row.capped),
    tokens.toFixed(0),
    `${fewer.toFixed(1)} %`,
    answerable.length === 0 ? "" : regret.toFixed(3),
    mean(rows.map((row) => row.ms)).toFixed(2),
  ];
  return `| ${name} | ${rows.length} | ${columns.join(" | ")} | ${used.join(", ")} |`;
}
