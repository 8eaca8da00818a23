/**
 * The same words in another conversation: TREC CAsT, in which "How much does it cost?" means what the turns before it say.
 *
 * Every turn is asked under its own history, in the order of the file, and again in other words that mean the same to anybody
 * ("Please tell me: …"). A served answer is right when it was given in the same conversation, after the same turns. For comparison
 * the same turns are asked without their history, as a cache sees them that looks at the last message alone.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SimpleChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, HumanMessage, type BaseMessage } from "@langchain/core/messages";
import { cacheModel, memoryTier, staticPolicy, TieredCache, type HitMetadata } from "langchain-strata";
import { LocalEmbeddings } from "langchain-strata/local";
import { provenance } from "../harness.ts";

interface Turn {
  readonly conv: string;
  readonly turn: number;
  readonly history: readonly string[];
  readonly prompt: string;
  readonly class: string;
}

const folder = process.env["STRATA_BENCH_DATA"];
if (folder === undefined) {
  console.log("Not run: set STRATA_BENCH_DATA to the folder of the evaluation data (semantic/trec_cast_context.jsonl is read).");
  process.exit(0);
}
const turns = readFileSync(join(folder, "semantic/trec_cast_context.jsonl"), "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line) as Turn);

/** A model that answers with the meaning of the question, so that a served answer shows whose it is. */
class MeaningModel extends SimpleChatModel {
  text = "";

  override _llmType(): string {
    return "meaning";
  }

  override async _call(): Promise<string> {
    return this.text;
  }
}

interface Count {
  asked: number;
  served: number;
  wrong: number;
}

async function play(similarity: number, withHistory: boolean): Promise<{ first: Count; reworded: Count }> {
  const cache = new TieredCache({
    ...{ tiers: [memoryTier({ maxBytes: "256mb" })], scope: "global", coalesce: false },
    semantic: { embeddings: new LocalEmbeddings(), policy: staticPolicy({ similarity }) },
  });
  const said = new MeaningModel({});
  const model = cacheModel(said, { cache });
  const counts = { first: { asked: 0, served: 0, wrong: 0 }, reworded: { asked: 0, served: 0, wrong: 0 } };
  async function ask(turn: Turn, text: string, count: Count): Promise<void> {
    said.text = turn.class;
    const before: BaseMessage[] = withHistory
      ? turn.history.flatMap((asked, index) => [new HumanMessage(asked), new AIMessage(`Answer ${index + 1}.`)])
      : [];
    const answer = await model.invoke([...before, new HumanMessage(text)]);
    await cache.flush();
    const hit = answer.response_metadata["strata"] as HitMetadata | undefined;
    count.asked++;
    if (hit === undefined) return;
    count.served++;
    if (answer.text !== turn.class) count.wrong++;
  }
  for (const turn of turns) await ask(turn, turn.prompt, counts.first);
  for (const turn of turns) await ask(turn, `Please tell me: ${turn.prompt}`, counts.reworded);
  await cache.close();
  return counts;
}

console.log(`${provenance()}\ncommand: npm run bench:quality:context (${turns.length} turns, LocalEmbeddings static)\n`);
console.log("| similarity | context | asked first: served / wrong | asked in other words: served / wrong |");
console.log("| --- | --- | --- | --- |");
let crossed = 0;
for (const similarity of [0.75, 0.85]) {
  for (const withHistory of [true, false]) {
    const { first, reworded } = await play(similarity, withHistory);
    if (withHistory) crossed += first.wrong + reworded.wrong;
    const cell = ({ served, wrong }: Count): string => `${served} / ${wrong}`;
    console.log(`| ${similarity} | ${withHistory ? "its own" : "left out"} | ${cell(first)} | ${cell(reworded)} |`);
  }
}
console.log(`\nAnswers served across two meanings while the context was there: ${crossed}.`);
process.exitCode = crossed === 0 ? 0 : 1;
