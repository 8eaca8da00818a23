/** Aliases: further questions of an answer, once a verifier or a person has said that it answers them, too. */
import type { Digest } from "../../core/key.ts";
import { coarse, type QuestionRecord } from "./question-record.ts";
import type { QuestionPlace } from "./questions.ts";
import type { SemanticParts } from "./semantic-parts.ts";

export interface NewAlias {
  readonly place: QuestionPlace;
  readonly text: string;
  /** Of the call that asked it. */
  readonly tags: readonly string[];
  readonly vector: Float32Array | undefined;
  readonly partition: Digest | undefined;
  /** What was known of the question. */
  readonly known: QuestionRecord | undefined;
  /** The question that has the answer. */
  readonly original: QuestionRecord | undefined;
  /** When the answer ends, Unix ms. */
  readonly expiresAt: number | undefined;
  /** What the answer saves, ms. */
  readonly cost: number;
  readonly by: "verifier" | "feedback";
  /** Of the questions, from before the original was read. */
  readonly epoch: number;
}

/** The alias has the tags of the answer, so that it goes with it, and those of its own call. */
export async function addAlias(parts: SemanticParts, alias: NewAlias): Promise<void> {
  const { place, text, vector, partition, known, original, expiresAt, cost, by } = alias;
  if (original?.answer === undefined || vector === undefined || partition === undefined) return;
  const record: QuestionRecord = {
    ...{ text, answer: original.answer, by, partition, direction: coarse(vector), expiresAt },
    wrong: known?.wrong?.filter((key) => key !== original.answer),
    tags: [...new Set([...original.tags, ...alias.tags])],
    createdAt: parts.options.clock.now(),
  };
  if (await parts.questions.put(place, record, vector, cost, alias.epoch)) parts.counters.aliases++;
}
