/**
 * Questions of the semantic cache whose answer is gone: the answer expired, was evicted or was removed, and the question stayed. They
 * serve nothing, and cost a place and a look at each search.
 */
import { asBuffer, open } from "../../core/envelope.ts";
import type { Digest } from "../../core/key.ts";
import { refuseUnknown } from "../../core/options.ts";
import { decompress } from "../../cache/compression.ts";
import { readRecord, type PlacedRecord } from "../../cache/semantic/question-record.ts";
import { isQuestion } from "../../cache/semantic/questions.ts";
import type { TierEntry } from "../../cache/tier.ts";
import type { VectorIndex } from "../../vectors/vector-index.ts";
import type { MaintenanceTask } from "../task.ts";
import { entriesTask, tagsOf, type EntriesTaskOptions } from "./entries-task.ts";

export interface OrphanedQuestionsOptions extends EntriesTaskOptions {
  /** The index of the semantic cache: the vectors go too. Without it they go when they are met. */
  readonly index?: VectorIndex | undefined;
}

/**
 * Removes questions without an answer.
 * @throws {@link StrataConfigError} naming the option
 */
export function orphanedQuestions(options: OrphanedQuestionsOptions): MaintenanceTask {
  refuseUnknown("orphanedQuestions", options, ["tiers", "clock", "index"]);
  const { tiers, index } = options;

  async function isAnswered(answer: Digest): Promise<boolean> {
    for (const tier of tiers) if ((await tier.get([answer]))[0] !== undefined) return true;
    return false;
  }

  return entriesTask({
    ...options,
    name: "orphaned-questions",
    summary: "remove similar questions whose answer is gone",
    async selects(entry) {
      if (!isQuestion(tagsOf(entry))) return false;
      const placed = await readQuestion(entry);
      // Without an answer by intent: it notes which answers are wrong.
      return placed?.record.answer !== undefined && !(await isAnswered(placed.record.answer));
    },
    async removed(entries, signal) {
      if (index === undefined) return;
      for (const entry of entries) {
        const placed = await readQuestion(entry);
        const partition = placed?.record.partition;
        if (placed !== undefined && partition !== undefined) await index.remove({ partition, ids: [placed.id] }, { signal });
      }
    },
  });
}

/** `undefined` when it cannot be read. */
export async function readQuestion({ key, value }: TierEntry): Promise<PlacedRecord | undefined> {
  try {
    const envelope = open(value, key, asBuffer(value).toString("latin1", 24, 40));
    return readRecord((await decompress(envelope.codec, envelope.payload, envelope.rawLength)) as Buffer);
  } catch {
    return undefined;
  }
}
