/** What would be served for a question, and why or why not: the semantic step without serving anything. */
import { StrataConfigError } from "../../core/errors.ts";
import type { Digest } from "../../core/key.ts";
import { parseCount, parseNumber } from "../../core/options.ts";
import { turnOfPrompt } from "./prompt-turn.ts";
import { textOfAnswer, type SemanticParts } from "./semantic-parts.ts";
import type { SemanticAction, SemanticCandidate, SemanticDecision, SemanticQuestion } from "./similarity-policy.ts";
import { digest } from "../../core/key.ts";
import type { Neighbour } from "./questions.ts";

export interface SimilarEntry {
  /** The question asked earlier. */
  readonly prompt: string;
  /** Its answer, where it is text. */
  readonly answer: string | undefined;
  /** Cosine, -1 to 1. */
  readonly similarity: number;
  /** As the policy estimates it, 0 to 1. */
  readonly confidence: number | undefined;
  /** What the policy makes of this candidate. */
  readonly action: SemanticAction;
  /** Whether its answer would be served as it is, were the question asked under the same model and context now. */
  readonly served: boolean;
  /** Why, or why not, in one sentence. */
  readonly reason: string;
  readonly veto: string | undefined;
  /** How the question came to its answer: the model gave it, or it stands for another question's. */
  readonly by: "model" | "verifier" | "feedback";
  /** When it was remembered, ISO 8601. */
  readonly at: string;
  /** Names the answer; entries that share it are aliases of each other. */
  readonly entry: string;
  /** Names the model and its parameters. */
  readonly model: string;
  /** Names the context (system prompt, earlier turns, tools, documents); candidates of two contexts never compete. */
  readonly context: string;
}

export interface SimilarOptions {
  /** Least cosine; default 0.5. */
  readonly threshold?: number | undefined;
  /** How many; default 5. */
  readonly k?: number | undefined;
}

/** Contexts that are looked into, the last used first. */
const MAX_CONTEXTS = 200;

/** @throws {@link StrataConfigError} for options, and what the embedding model and the index throw */
export async function explain(
  parts: SemanticParts,
  prompt: string,
  scope: Digest,
  options: SimilarOptions,
): Promise<SimilarEntry[]> {
  if (typeof prompt !== "string" || prompt.trim() === "")
    throw new StrataConfigError("similar.prompt", prompt, "a text that is not empty");
  const threshold = parseNumber("similar.threshold", options.threshold ?? 0.5, -1, 1);
  const k = parseCount("similar.k", options.k ?? 5);
  const { embedder, questions, memory } = parts;
  const turn = turnOfPrompt(prompt, false);
  const text = (typeof turn === "string" ? prompt : turn.text).slice(0, parts.options.semantic.maxQuestion);
  await memory.ready();
  await questions.flush();
  const vector = await embedder.embed(text);
  const question: SemanticQuestion = { text, population: digest("population", scope, embedder.identity) };
  const entries: SimilarEntry[] = [];
  for (const { family, partition, model } of memory.partitionsOf(scope).slice(0, MAX_CONTEXTS)) {
    const near = await questions.near({ scope, family, id: "" }, partition, vector, Math.min(k, 1_000), true);
    const usable = near.filter(({ record, similarity }) => record.answer !== undefined && similarity >= threshold);
    for (const [at, { record, similarity }] of usable.entries()) {
      const decision = decisionOn(parts, question, usable, at);
      const found = await parts.answer(record.answer ?? "", scope);
      const isWrong = parts.policy.learn === undefined && record.floor !== undefined && similarity <= record.floor;
      const served = decision.action === "serve" && decision.audit !== true && found !== undefined && !isWrong;
      entries.push({
        ...{ prompt: record.text, answer: found && textOfAnswer(found.value.answer), similarity, served },
        ...{ confidence: decision.confidence, action: decision.action, veto: decision.veto, by: record.by },
        reason: reasonOf(decision, found === undefined, isWrong),
        at: new Date(record.createdAt).toISOString(),
        ...{ entry: record.answer ?? "", model: model.slice(0, 12), context: family.slice(0, 12) },
      });
    }
  }
  return entries.toSorted((a, b) => b.similarity - a.similarity).slice(0, k);
}

/** The decision that a candidate gets among all of its context; where another one is chosen, the one that it would get alone. */
function decisionOn(parts: SemanticParts, question: SemanticQuestion, near: readonly Neighbour[], at: number): SemanticDecision {
  const candidates: SemanticCandidate[] = near.map(({ record, similarity }) => {
    return { entryId: record.answer ?? "", text: record.text, similarity };
  });
  const joint = parts.policy.decide(question, candidates);
  if (joint.candidate === at) return joint;
  const alone = parts.policy.decide(question, candidates.slice(at, at + 1));
  if (joint.action === "miss" || alone.action === "miss") return alone;
  return { ...alone, action: "miss", reason: `A nearer question has been chosen. Alone: ${alone.reason}` };
}

function reasonOf({ reason }: SemanticDecision, isGone: boolean, isWrong: boolean): string {
  if (isGone) return "Its answer is not there any more.";
  return isWrong ? "People said that its answer was wrong for a question as near as this." : reason;
}
