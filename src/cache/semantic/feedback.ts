/**
 * What people say of hits. "Wrong" takes the answer away from the question that it was wrong for, for good, and teaches the policy;
 * "right" makes the question an alias.
 */
import { StrataConfigError } from "../../core/errors.ts";
import { addAlias } from "./aliases.ts";
import type { SemanticMatch } from "./match.ts";
import type { QuestionRecord } from "./question-record.ts";
import type { RecentHit, RecentHits } from "./recent-hits.ts";
import type { SemanticParts } from "./semantic-parts.ts";

export type Verdict = "right" | "wrong";

/** @throws {@link StrataConfigError} for a verdict that is none, and an id that is not of one of the last hits */
export async function takeFeedback(parts: SemanticParts, hits: RecentHits, hitId: string, verdict: Verdict): Promise<void> {
  if (verdict !== "right" && verdict !== "wrong") throw new StrataConfigError("feedback.verdict", verdict, '"right" or "wrong"');
  const hit = hits.find(parts.options.hitIds.numberOf(hitId));
  if (hit === undefined) {
    throw new StrataConfigError("feedback.hitId", hitId, "the `hitId` of one of the last hits of this cache in this process");
  }
  const { match } = hit;
  parts.counters.feedback[verdict]++;
  parts.options.emit?.({ type: "semantic.feedback", verdict, source: match?.source ?? "exact" });
  if (match === undefined) {
    // Wrong for its own question: nobody is to get it.
    if (verdict === "wrong") await parts.options.store.delete([hit.answer]);
    return;
  }
  // That an answer had to be rewritten was known; only its own words can be right for the question.
  if (match.source === "semantic" || verdict === "wrong") learn(parts, match, verdict === "right");
  if (verdict === "wrong") await withdraw(parts, hit, match);
  else if (match.source === "semantic") await confirm(parts, hit, match);
}

function learn(parts: SemanticParts, match: SemanticMatch, right: boolean): void {
  const { question, candidates, candidate, candidateId, id } = match;
  // A known question was matched with itself, which says nothing about similarity.
  if (candidateId === id) return;
  try {
    parts.policy.learn?.({ question, candidates, candidate, right, source: "feedback" });
    parts.memory.changed();
  } catch (error) {
    parts.fault("policy", error);
  }
}

async function withdraw(parts: SemanticParts, hit: RecentHit, match: SemanticMatch): Promise<void> {
  const { questions, policy, options } = parts;
  const { scope, within = [], answer } = hit;
  const { family, id, candidateId, similarity, question } = match;
  const { epoch } = questions;
  const known = await questions.get(scope, family, id);
  // Its vector led others to the answer as well.
  if (known !== undefined) await questions.drop(family, id, known.partition);
  const record: QuestionRecord = {
    text: question.text,
    by: "feedback",
    wrong: [...new Set([...(known?.wrong ?? []), answer])],
    tags: known?.tags ?? hit.tags ?? [],
    createdAt: options.clock.now(),
    expiresAt: known?.expiresAt,
  };
  await questions.put({ scope, within, family, id }, record, undefined, 0, epoch);
  if (policy.learn !== undefined || candidateId === id) return;
  const original = await questions.get(scope, family, candidateId);
  if (original === undefined) return;
  const floor = Math.max(original.floor ?? -1, similarity);
  await questions.put({ scope, within, family, id: candidateId }, { ...original, floor }, undefined, 0, epoch);
}

async function confirm(parts: SemanticParts, hit: RecentHit, match: SemanticMatch): Promise<void> {
  const { scope, within = [], tags = [], answer } = hit;
  const { family, id, candidateId, vector, partition, question } = match;
  const { epoch } = parts.questions;
  const [known, original, found] = await Promise.all([
    parts.questions.get(scope, family, id),
    parts.questions.get(scope, family, candidateId),
    parts.answer(answer, scope),
  ]);
  if (candidateId === id || found === undefined || known?.answer === answer) return;
  await addAlias(parts, {
    ...{ place: { scope, within, family, id }, text: question.text, tags, vector, partition, known, original },
    ...{ expiresAt: found.expiresAt, cost: found.cost, by: "feedback", epoch },
  });
}
