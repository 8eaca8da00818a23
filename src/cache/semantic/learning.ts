/** After a miss the model has answered: what that says of the candidates, and the question as one that others may match. */
import { Guard } from "../../core/guard.ts";
import type { MadeAnswer } from "../request-cache.ts";
import type { Ask } from "./ask.ts";
import type { Looked } from "./lookup.ts";
import { coarse, partitionOf, type QuestionRecord } from "./question-record.ts";
import { callsTools, textOfAnswer, type SemanticParts } from "./semantic-parts.ts";

/** How long the user's `sameAnswer` may take; nobody waits for it. */
const JUDGE_DEADLINE_MS = 60_000;

export class Learning {
  readonly #parts: SemanticParts;
  readonly #judge: Guard;

  constructor(parts: SemanticParts) {
    this.#parts = parts;
    const { clock, random } = parts.options;
    this.#judge = new Guard({ name: "`sameAnswer`", clock, random, deadlineMs: JUDGE_DEADLINE_MS });
  }

  /**
   * Remembers a question with its answer.
   * @param looked how its lookup went; `undefined` when there was none
   * @param epoch of the questions, from before the answer was stored
   */
  async remember(
    ask: Ask,
    looked: Looked | undefined,
    made: MadeAnswer,
    expiresAt: number | undefined,
    epoch: number,
  ): Promise<void> {
    const { options } = this.#parts;
    if (callsTools(made.answer) && !options.semantic.extras.has("tool-calls")) return;
    const vector = looked === undefined ? await this.#embed(ask) : looked.vector;
    if (vector === undefined) return;
    const isRemembered = await this.#insert(ask, looked, vector, made, expiresAt, epoch);
    // Last, for it may take long: a model may be the judge.
    if (looked !== undefined && isRemembered) await this.#learn(looked, made);
  }

  async #insert(
    ask: Ask,
    looked: Looked | undefined,
    vector: Float32Array,
    made: MadeAnswer,
    expiresAt: number | undefined,
    epoch: number,
  ): Promise<boolean> {
    const { options, questions, embedder, memory } = this.#parts;
    const { place, key, tags, model, question } = ask;
    const partition = partitionOf(place.family, embedder.identity, vector.length);
    const known = looked?.known ?? (await questions.get(place.scope, place.family, place.id));
    const record: QuestionRecord = {
      ...{ text: question.text, answer: key, by: "model", partition, direction: coarse(vector) },
      ...{ wrong: known?.wrong, tags, createdAt: options.clock.now(), expiresAt },
    };
    const written = await questions.put(place, record, vector, made.ms ?? made.usualMs ?? 0, epoch);
    if (written) memory.notePartition({ scope: place.scope, family: place.family, partition, model });
    return written;
  }

  async #embed(ask: Ask): Promise<Float32Array | undefined> {
    try {
      return await this.#parts.embedder.embed(ask.question.text);
    } catch (error) {
      this.#parts.fault("embeddings", error);
      return undefined;
    }
  }

  /** Whether the candidate's answer would have been right, for the policy and for the counts of what was withheld. */
  async #learn({ ask, decision, candidates, outcome, reason, known }: Looked, made: MadeAnswer): Promise<void> {
    const { policy, counters, memory } = this.#parts;
    const isWithheld = outcome === "withheld";
    if (decision === undefined || (policy.learn === undefined && !isWithheld)) return;
    const candidate = decision.candidate ?? 0;
    const entry = candidates[candidate];
    // What the verifier said of this pair was learned.
    if (entry === undefined || reason === "rejected") return;
    let right: boolean | undefined;
    try {
      right = await this.#isSame(entry.entryId, ask, made);
    } catch (error) {
      this.#parts.fault("policy", error);
    }
    if (right === undefined) return;
    if (isWithheld) {
      const verdict = right ? "right" : "wrong";
      counters.withheldWere[verdict]++;
      this.#parts.options.emit?.({ type: "semantic.audit", verdict, similarity: entry.similarity });
    }
    // A question is no evidence about itself.
    if (known?.answer !== undefined && entry.entryId === known.answer) return;
    policy.learn?.({
      ...{ question: ask.question, candidates, candidate, right },
      source: decision.audit === true ? "audit" : "answer",
    });
    memory.changed();
  }

  async #isSame(entryId: string, ask: Ask, made: MadeAnswer): Promise<boolean | undefined> {
    const found = await this.#parts.answer(entryId, ask.place.scope);
    const cached = found && textOfAnswer(found.value.answer);
    const fresh = textOfAnswer(made.answer);
    if (cached === undefined || fresh === undefined) return undefined;
    if (cached.trim() === fresh.trim()) return true;
    const { sameAnswer } = this.#parts.options.semantic;
    if (sameAnswer === undefined) return false;
    const said: unknown = await this.#judge.run(async () => sameAnswer(cached, fresh));
    return said === true;
  }
}
