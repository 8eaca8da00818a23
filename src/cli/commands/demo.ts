/**
 * `strata demo`: an R1 chain asked three times. First the model answers; then memory does; then, after a real restart (another
 * process), the disk does. Against the DeepSeek API when there is a key, else against the stand-in on this machine.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Command, Terminal } from "../command.ts";
import { askAll, type Asked, type Rephrased } from "../demo/ask.ts";
import { askInNewProcess } from "../demo/restart.ts";
import type { DemoSetup } from "../demo/setup.ts";
import { recallOnce, rerankOnce, type Remembered, type Reordered } from "../demo/remember.ts";
import { readQuestions } from "../questions-file.ts";
import { formatMs, formatTable, shorten } from "../table.ts";

/** Questions of the kind that is asked again and again; two are in Portuguese. */
const QUESTIONS = [
  "What is an order block in trading, and how do I recognise one?",
  "Quanto devo arriscar por operação numa conta pequena?",
  "How does a JWT prove who a user is?",
  "O que muda na estrutura de mercado quando um fundo é rompido?",
];

/** The first and the second of them in other words. */
const REPHRASED = [
  "In trading, what is an order block, and how can I recognise one?",
  "Quanto devo arriscar em cada operação numa conta pequena?",
];

const USAGE = `Usage: strata demo [--json] [--questions FILE]

Shows a slow R1 chain made fast: miss, memory hit, restart, disk hit, and what was saved; then, without a model of chat, the same
question in other words, what somebody said before, and documents ordered anew by a local model.
Asks the DeepSeek API when DEEPSEEK_API_KEY is set, otherwise a stand-in of it on this machine.

  --questions FILE  your own questions: a text file with one a line, or a JSON array of texts
  --json            progress on standard error, and as the last line of standard output
                    { modelCalls, memoryHits, diskHitsAfterRestart, savedMs, savedTokens, semanticHits, recall, rerank }`;

export const demo: Command = {
  name: "demo",
  summary: "show a slow R1 chain made fast: miss, memory hit, restart, disk hit",
  usage: USAGE,
  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: { json: { type: "boolean" }, questions: { type: "string" } },
      strict: true,
    });
    const say = (line: string): void => (values.json === true ? terminal.note(line) : terminal.out(line));
    const questions = values.questions === undefined ? QUESTIONS : readQuestions(values.questions);
    const folder = mkdtempSync(join(tmpdir(), "strata-demo-"));
    try {
      await withApi(terminal, say, (api) => show(questions, { ...api, folder }, terminal, say, values.json === true));
      return 0;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function withApi(
  terminal: Terminal,
  say: (line: string) => void,
  use: (api: Omit<DemoSetup, "folder">) => Promise<void>,
): Promise<void> {
  const apiKey = terminal.environment["DEEPSEEK_API_KEY"];
  if (apiKey !== undefined && apiKey !== "") {
    say("Model: deepseek-reasoner on the DeepSeek API (DEEPSEEK_API_KEY is set; the questions are paid for).\n");
    return use({ apiKey, baseURL: undefined });
  }
  const { startDeepSeekStandIn } = await import("../../testing/deepseek-stand-in/start.ts");
  const standIn = await startDeepSeekStandIn();
  say(`Model: a STAND-IN of the DeepSeek API at ${standIn.url}, with realistic delays and composed answers.`);
  say("Set DEEPSEEK_API_KEY to ask the real one.\n");
  try {
    await use({ apiKey: "stand-in", baseURL: standIn.url });
  } finally {
    await standIn.close();
  }
}

async function show(
  questions: readonly string[],
  setup: DemoSetup,
  terminal: Terminal,
  say: (line: string) => void,
  isJson: boolean,
): Promise<void> {
  const progress = (round: string) => (done: number, seconds: number) =>
    terminal.status(`${round}: question ${Math.min(done + 1, questions.length)} of ${questions.length}, ${seconds} s`);
  const rephrased = questions === QUESTIONS ? REPHRASED : questions.slice(0, 1).map((question) => question.toLowerCase());
  const { rounds: first, rephrased: alike } = await askAll(questions, setup, {
    ...{ rounds: 2, rephrased, onProgress: progress("Asking the model") },
  });
  terminal.status("");
  say(`Asked ${questions.length} questions twice. Now a new process opens the same folder and asks once more.`);
  const restarted = await askInNewProcess(questions, setup);
  const [misses = [], memory = []] = first;
  const [disk = []] = restarted;

  const rows = questions.map((question, index) => [
    shorten(question, 44),
    cell(misses[index]),
    cell(memory[index]),
    cell(disk[index]),
    String(memory[index]?.savedTokens ?? 0),
  ]);
  say("");
  say(formatTable(["Question", "model", "from memory", "after restart", "tokens saved"], rows));

  const hits = [...memory, ...disk].filter(({ tier }) => tier !== undefined);
  const modelMs = new Map(misses.map((miss) => [miss.question, miss.ms]));
  const savedMs = hits.reduce((sum, hit) => sum + Math.max(0, (modelMs.get(hit.question) ?? 0) - hit.ms), 0);
  const savedTokens = hits.reduce((sum, hit) => sum + hit.savedTokens, 0);
  const result = {
    modelCalls: [...misses, ...memory, ...disk].filter(({ tier }) => tier === undefined).length,
    memoryHits: memory.filter(({ tier }) => tier === "memory").length,
    diskHitsAfterRestart: disk.filter(({ tier }) => tier === "disk").length,
    savedMs: Math.round(savedMs),
    savedTokens,
  };
  say("");
  say(
    `${result.modelCalls} calls of the model, ${result.memoryHits} answers from memory, ${result.diskHitsAfterRestart} from disk.`,
  );
  say(
    `Saved: ${formatMs(savedMs)} of waiting and ${savedTokens} tokens. Times are of the whole chain; in brackets, of the cache.`,
  );
  sayAlike(alike, say);
  terminal.status("Opening a memory, and loading a reranker");
  const [recalled, reordered] = await Promise.all([recallOnce(), rerankOnce()]);
  terminal.status("");
  sayRecalled(recalled, say);
  sayReordered(reordered, say);
  if (!isJson) return;
  const semanticHits = alike.filter(({ source }) => source === "semantic").length;
  terminal.out(JSON.stringify({ ...result, semanticHits, recall: recalled ?? null, rerank: reordered }));
}

function sayAlike(alike: readonly Rephrased[], say: (line: string) => void): void {
  const rows = alike.map(({ question, source, similarity, ms }) => [
    shorten(question, 64),
    source === "semantic" ? "what was asked before" : source,
    similarity?.toFixed(3) ?? "",
    formatMs(ms),
  ]);
  say("\nIn other words, by the embedding model of the package:\n");
  say(formatTable(["Question", "answered by", "cosine", "time"], rows));
}

function sayRecalled(recalled: Remembered | undefined, say: (line: string) => void): void {
  if (recalled === undefined) {
    say("\nMemory over conversations needs PostgreSQL, or here: npm install @electric-sql/pglite @electric-sql/pglite-pgvector");
    return;
  }
  const { query, found, strategy, ms } = recalled;
  say(`\nOf two conversations of days before, "${query}" recalls, in ${formatMs(ms)} (${strategy}):\n  "${found}"`);
}

function sayReordered({ query, reranker, before, after, ms }: Reordered, say: (line: string) => void): void {
  say(`\n"${query}", reranked by ${reranker} in ${formatMs(ms)}:\n`);
  say(
    formatTable(
      ["was", "document"],
      after.map((text) => [String(before.indexOf(text) + 1), text]),
    ),
  );
}

function cell(asked: Asked | undefined): string {
  if (asked === undefined) return "";
  if (asked.tier === undefined) return formatMs(asked.ms);
  return `${formatMs(asked.ms)} (${formatMs(asked.lookupMs)})`;
}
