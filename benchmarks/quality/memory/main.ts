/**
 * Recall of an owner's turns, against the bars of `benchmarks/README.md`: `npm run bench:quality:memory`; with `-- --router` the router
 * alone, with `-- --trimming` what it drops, with `-- --large` an owner too large for memory, with `-- --store` from a
 * ConversationStore, with `-- --rerank [questions of each conversation]` what a reranker adds.
 *
 * Every set is ranked with the weights that are shipped, and again leaving one conversation out: for each conversation, with the
 * setting of a grid that is best on the other nine.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pgliteClient } from "../../../src/clients/pglite.ts";
import { LocalEmbeddings } from "../../../src/embeddings/local-embeddings.ts";
import { DenseIndex } from "../../../src/memory/turns/dense-index.ts";
import { LexicalIndex } from "../../../src/memory/turns/lexical-index.ts";
import { RANKING_WEIGHTS, rankTurns, type RankingWeights } from "../../../src/memory/turns/ranking.ts";
import { sittingsOf, sittingStretch } from "../../../src/memory/time/sittings.ts";
import { findTimeExpression } from "../../../src/memory/time/time-expression.ts";
import type { Strategy } from "../../../src/memory/strategy.ts";
import { TurnOrder } from "../../../src/memory/turns/turn-order.ts";
import { beam, locomo, type BenchConversation, type Question } from "./conversations.ts";
import { mean, recallAt, recallWithinTokens } from "./metrics.ts";
import { recalls as recallThrough, routingLine, type RecallRow, type RecallSet } from "./recall-runs.ts";
import { rerankedTable } from "./reranked.ts";
import { trimming } from "./trimming.ts";
import { inPortuguese, timeLogs, timeQuestions, type TimeLog } from "./time-questions.ts";

const TOKENS = [500, 1_000, 2_000, 4_000];
const { people: PEOPLE, withModel: WITH_MODEL } = RANKING_WEIGHTS;
const PEOPLE_GRID: readonly RankingWeights[] = [0.35, 0.5, 0.7].flatMap((meaning) =>
  [0.7, 1, 1.4].flatMap((session) =>
    [0.8, 1.2, 1.6].map((asks) => ({
      ...RANKING_WEIGHTS,
      people: { ...PEOPLE, meaning, asks, lexical: { ...PEOPLE.lexical, session } },
    })),
  ),
);
const MODEL_GRID: readonly RankingWeights[] = [0.6, 0.8, 1].flatMap((meaning) =>
  [0.3, 0.5, 0.7].flatMap((beside) =>
    [2, 3, 4].map((ownWords) => ({
      ...RANKING_WEIGHTS,
      withModel: { ...WITH_MODEL, meaning, ownWords, lexical: { ...WITH_MODEL.lexical, beside } },
    })),
  ),
);

interface Indexed {
  readonly conversation: BenchConversation;
  readonly order: TurnOrder;
  readonly lexical: LexicalIndex;
  readonly dense: DenseIndex;
  readonly queries: readonly (readonly number[])[];
}

async function index(conversation: BenchConversation, embeddings: LocalEmbeddings): Promise<Indexed> {
  const order = new TurnOrder();
  const lexical = new LexicalIndex(order);
  const dense = new DenseIndex(embeddings.info.dimensions);
  const texts = conversation.turns.map(({ name, text }) => (name === undefined ? text : `${name}: ${text}`));
  const vectors = await embeddings.embedDocuments(texts);
  for (const [at, turn] of conversation.turns.entries()) {
    const number = order.add(turn);
    lexical.add(number, turn);
    dense.set(number, vectors[at] ?? []);
  }
  const queries = await embeddings.embedDocuments(conversation.questions.map(({ text }) => text));
  return { conversation, order, lexical, dense, queries };
}

/** The ids of the turns, best first. */
function ranked(indexed: Indexed, question: number, weights: RankingWeights, withModel: boolean, k = 10): string[] {
  const { conversation, order, lexical, dense, queries } = indexed;
  const options = { k, weights, ...(withModel && { vector: queries[question] }) };
  const found = rankTurns({ order, lexical, ...(withModel && { dense }) }, conversation.questions[question]?.text ?? "", options);
  return found.map(({ number }) => order.turn(number)?.id ?? "");
}

function recalls(
  indexed: Indexed,
  weights: RankingWeights,
  withModel: boolean,
): { question: Question; of: ReturnType<typeof recallAt> }[] {
  return indexed.conversation.questions.map((question, at) => ({
    question,
    of: recallAt(ranked(indexed, at, weights, withModel), question.relevant),
  }));
}

function line(name: string, rows: readonly { question: Question; of: ReturnType<typeof recallAt> }[]): void {
  const of = (pick: (row: ReturnType<typeof recallAt>) => number): string => mean(rows.map((row) => pick(row.of))).toFixed(3);
  const kinds = [...new Set(rows.map(({ question }) => question.kind))].toSorted();
  const perKind = kinds.map((kind) => {
    const own = rows.filter(({ question }) => question.kind === kind);
    return `${kind} ${mean(own.map((row) => row.of.recall)).toFixed(2)}`;
  });
  console.log(`| ${name} | ${of((r) => r.recall)} | ${of((r) => r.ndcg)} | ${of((r) => r.hit)} | ${perKind.join(", ")} |`);
}

/** For each conversation the setting of the grid that is best on the others. */
function leaveOneOut(
  all: readonly Indexed[],
  grid: readonly RankingWeights[],
  withModel: boolean,
): { question: Question; of: ReturnType<typeof recallAt> }[] {
  const results = grid.map((weights) => all.map((indexed) => recalls(indexed, weights, withModel)));
  return all.flatMap((_, left) => {
    const quality = results.map((perConversation) =>
      mean(
        perConversation
          .filter((_rows, at) => at !== left)
          .flat()
          .map(({ of }) => of.recall + of.ndcg),
      ),
    );
    return results[quality.indexOf(Math.max(...quality))]?.[left] ?? [];
  });
}

/** What is shipped, and what leaving one out chooses: far apart, the shipped weights would fit these conversations alone. */
async function found(
  set: string,
  all: readonly BenchConversation[],
  grid: readonly RankingWeights[],
  models: readonly LocalEmbeddings[],
): Promise<void> {
  for (const [at, embeddings] of models.entries()) {
    const indexed = await Promise.all(all.map((one) => index(one, embeddings)));
    const shipped = (withModel: boolean): ReturnType<typeof recalls> =>
      indexed.flatMap((one) => recalls(one, RANKING_WEIGHTS, withModel));
    if (at === 0) {
      line(`${set}, words alone`, shipped(false));
      line(`${set}, words alone, one left out`, leaveOneOut(indexed, grid, false));
    }
    line(`${set}, words and ${embeddings.info.model}`, shipped(true));
    line(`${set}, words and ${embeddings.info.model}, one left out`, leaveOneOut(indexed, grid, true));
  }
}

function withinTokens(name: string, all: readonly Indexed[]): void {
  const columns = TOKENS.map((tokens) => {
    const values = all.flatMap((indexed) =>
      indexed.conversation.questions.map(({ relevant }, at) => {
        const list = ranked(indexed, at, RANKING_WEIGHTS, true, 100);
        const texts = list.map((id) => ({ id, text: indexed.order.turn(indexed.order.numberOf(id) ?? -1)?.text ?? "" }));
        return recallWithinTokens(texts, relevant, tokens);
      }),
    );
    return mean(values).toFixed(3);
  });
  console.log(`| ${name} | ${columns.join(" | ")} |`);
}

const SITTING_GAP = 6 * 3_600_000;

function timeRecall(
  logs: readonly TimeLog[],
  questions: ReturnType<typeof timeQuestions>,
): { capped: number; understood: number } {
  const prepared = new Map(logs.map((log) => [log.name, { log, sittings: sittingsOf(log.turns, SITTING_GAP) }]));
  let understood = 0;
  const capped = questions.map(({ log: name, text, relevant }) => {
    const entry = prepared.get(name);
    const expression = entry && findTimeExpression(text, { now: entry.log.now, zone: "UTC" });
    if (entry === undefined || expression === undefined) return 0;
    understood++;
    const { log, sittings } = entry;
    const { filter } = expression;
    const stretch = filter.kind === "range" ? filter : sittingStretch(sittings, filter, { now: log.now, gapMs: SITTING_GAP });
    if (stretch === undefined) return 0;
    const end =
      filter.kind === "range" && filter.beforeThisSitting ? Math.min(stretch.to, sittings.at(-1)?.from ?? Infinity) : stretch.to;
    const slack = filter.kind === "range" ? (filter.slack ?? 0) : 0;
    const within = (wider: number): typeof log.turns =>
      log.turns.filter(({ createdAt }) => createdAt >= stretch.from - wider && createdAt < end + wider);
    const exact = within(0);
    const found = (exact.length === 0 ? within(slack) : exact).slice(-10);
    return recallAt(
      found.map(({ id }) => id),
      relevant,
    ).capped;
  });
  return { capped: mean(capped), understood: understood / questions.length };
}

async function main(): Promise<void> {
  const data = process.env["STRATA_BENCH_DATA"];
  if (data === undefined || !existsSync(join(data, "memory"))) {
    console.log("STRATA_BENCH_DATA names no folder with memory/: see benchmarks/README.md for where each set can be had.");
    return;
  }
  const folder = join(data, "memory");
  const embeddings = new LocalEmbeddings();
  if (process.argv.includes("--rerank")) {
    await rerankedTable(locomo(folder), Number(process.argv.at(-1)) || 30);
    return;
  }
  if (process.argv.includes("--store")) {
    await endToEnd(locomo(folder), timeLogs(join(folder, "tmd")), embeddings);
    return;
  }
  if (process.argv.includes("--large")) {
    await large(locomo(folder), embeddings);
    return;
  }
  if (process.argv.includes("--trimming")) {
    await trimming({ LoCoMo: locomo(folder), "BEAM-100K": beam(join(folder, "beam-100k")) }, embeddings);
    return;
  }
  if (process.argv.includes("--router")) {
    await routing(
      { LoCoMo: locomo(folder), "BEAM-100K": beam(join(folder, "beam-100k")) },
      timeLogs(join(folder, "tmd")),
      embeddings,
    );
    return;
  }
  const people = locomo(folder);
  const withModel = beam(join(folder, "beam-100k"));
  const models = [embeddings, new LocalEmbeddings({ model: "minilm" })];
  console.log("| set | R@10 | nDCG@10 | hit@10 | R@10 by kind |\n| --- | --- | --- | --- | --- |");
  await found("LoCoMo", people, PEOPLE_GRID, models);
  await found("BEAM-100K", withModel, MODEL_GRID, models);

  const talks = await Promise.all(people.map((one) => index(one, embeddings)));
  const chats = await Promise.all(withModel.map((one) => index(one, embeddings)));
  console.log(`\n| recall within tokens | ${TOKENS.join(" | ")} |\n| --- | ${TOKENS.map(() => "---").join(" | ")} |`);
  withinTokens("LoCoMo", talks);
  withinTokens("BEAM-100K", chats);

  const logs = timeLogs(join(folder, "tmd"));
  await routing({ LoCoMo: people, "BEAM-100K": withModel }, logs, embeddings);
  const english = timeQuestions(join(folder, "tmd"));
  const portuguese = english.flatMap((question) => {
    const text = inPortuguese(question.text);
    return text === undefined ? [] : [{ ...question, text }];
  });
  console.log("\n| time questions (TMD) | questions | understood | R_cap@10 |\n| --- | --- | --- | --- |");
  for (const [name, questions] of [
    ["English", english],
    ["Portuguese", portuguese],
  ] as const) {
    const { capped, understood } = timeRecall(logs, questions);
    console.log(`| ${name} | ${questions.length} | ${(100 * understood).toFixed(1)} % | ${capped.toFixed(3)} |`);
  }
}

/** Small talk, beside which a router that always searches pays for nothing. Every line is written for this file. */
const SMALL_TALK =
  "Hi there!|Good morning|Thanks a lot, that helped|Ok, got it|Bye, see you|What is the capital of France?|Translate this to German|Explain recursion to me|Oi, tudo bem?|Bom dia!|Valeu, obrigado|Entendi, perfeito|Até amanhã|Qual é a capital do Japão?|Traduz isso para inglês|O que é uma API?".split(
    "|",
  );

async function routing(
  sets: Readonly<Record<string, readonly BenchConversation[]>>,
  logs: readonly TimeLog[],
  embeddings: LocalEmbeddings,
): Promise<void> {
  const times = timeQuestions(join(process.env["STRATA_BENCH_DATA"] ?? "", "memory", "tmd")).filter((_, at) => at % 20 === 0);
  const none = SMALL_TALK.map((text) => ({ text, kind: "small talk", relevant: new Set<string>() }));
  const dated = logs.flatMap((log) => {
    const turns = log.turns.map((turn, seq) => ({ ...turn, seq, role: "human" }));
    const questions = times.filter(({ log: name }) => name === log.name);
    return questions.length > 0 ? [{ turns, questions, now: log.now }] : [];
  });
  const talks = Object.values(sets).flat();
  const traffic: Readonly<Record<string, readonly RecallSet[]>> = {
    ...sets,
    "TMD, one in 20": dated,
    "small talk": talks.map(({ turns }) => ({ turns, questions: none })),
  };
  const rows = async (strategy: "auto" | Strategy, set: readonly RecallSet[]): Promise<RecallRow[]> => {
    const results: RecallRow[] = [];
    for (const one of set) results.push(...(await recallThrough(one, { strategy, embeddings, now: one.now })));
    return results;
  };
  console.log(
    "\n| router | questions | R@10 | R_cap@10 | tokens | fewer | regret | ms | served by |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
  );
  const all: { always: RecallRow[]; auto: RecallRow[]; best: number[] } = { always: [], auto: [], best: [] };
  for (const [name, set] of Object.entries(traffic)) {
    const always = await rows("hybrid", set);
    const everywhere = await rows("cross_conversation", set);
    const auto = await rows("auto", set);
    // The strategies that need no session: the questions of these sets are asked in none.
    const best = always.map(({ recall }, at) => Math.max(recall, everywhere[at]?.recall ?? recall));
    console.log(routingLine(`${name}, hybrid`, always, always, best));
    console.log(routingLine(`${name}, auto`, auto, always, best));
    for (const [key, list] of [
      ["always", always],
      ["auto", auto],
      ["best", best],
    ] as const) {
      (all[key] as unknown[]).push(...list);
    }
  }
  console.log(routingLine("all, hybrid", all.always, all.always, all.best));
  console.log(routingLine("all, auto", all.auto, all.always, all.best));
}

/**
 * All conversations as those of one owner, held in memory and searched in the database: what the second finds less. Questions are of one
 * conversation each, so that nine tenths of the messages are in their way.
 */
async function large(talks: readonly BenchConversation[], embeddings: LocalEmbeddings): Promise<void> {
  const turns = talks.flatMap((talk) =>
    talk.turns.map((turn) => ({ ...turn, id: `${talk.name} ${turn.id}`, sessionId: `${talk.name} ${turn.sessionId}` })),
  );
  const questions = talks.flatMap((talk) =>
    talk.questions
      .filter((_, at) => at % 10 === 0)
      .map((question) => ({ ...question, relevant: new Set([...question.relevant].map((id) => `${talk.name} ${id}`)) })),
  );
  const sql = pgliteClient();
  console.log(`| LoCoMo as one owner of ${turns.length} messages | questions | R@10 |\n| --- | --- | --- |`);
  for (const [model, given] of [
    ["words", undefined],
    ["words and a model", embeddings],
  ] as const) {
    for (const [where, maxTurns] of [
      ["in memory", 20_000],
      ["in the database", 1_000],
    ] as const) {
      const rows = await recallThrough({ turns, questions }, { strategy: "hybrid", embeddings: given, sql, maxTurns });
      console.log(`| ${model}, ${where} | ${rows.length} | ${mean(rows.map(({ recall }) => recall)).toFixed(3)} |`);
    }
  }
  await sql.close();
}

/** The figures of the tables above, as an application gets them: from a ConversationStore on PGlite, through the retriever. */
async function endToEnd(
  talks: readonly BenchConversation[],
  logs: readonly TimeLog[],
  embeddings: LocalEmbeddings,
): Promise<void> {
  const times = timeQuestions(join(process.env["STRATA_BENCH_DATA"] ?? "", "memory", "tmd"));
  const dated = logs.map((log) => {
    const turns = log.turns.map((turn, seq) => ({ ...turn, seq, role: "human" }));
    return { turns, questions: times.filter(({ log: name }) => name === log.name), now: log.now };
  });
  const sql = pgliteClient();
  console.log(
    "| ConversationStore on PGlite | questions | R@10 | R_cap@10 | tokens | fewer | regret | ms | served by |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
  );
  for (const [name, sets] of Object.entries<readonly RecallSet[]>({ LoCoMo: talks, TMD: dated })) {
    const rows: RecallRow[] = [];
    for (const one of sets) {
      rows.push(...(await recallThrough(one, { strategy: "cross_conversation", embeddings, sql, now: one.now })));
    }
    console.log(
      routingLine(
        `${name}, cross_conversation`,
        rows,
        rows,
        rows.map(({ recall }) => recall),
      ),
    );
  }
  await sql.close();
}

await main();
