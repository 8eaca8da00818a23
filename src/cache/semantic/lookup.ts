/**
 * One lookup by meaning: the questions nearest to the one that is asked, what the policy says of them, and what follows from it.
 *
 * Whatever fails on the way sends the call to the model, with a reason. A question that was asked before in the same family, word
 * for word, is known by its text: aliases are found without an embedding.
 */
import type { SemanticEventReason, SemanticLookupEvent, SemanticPart } from "../../core/events.ts";
import type { Digest } from "../../core/key.ts";
import { prepareReplay, type Replay } from "../response-codec.ts";
import type { Found } from "../tiered-store.ts";
import { adaptedAnswer } from "./adapted-answer.ts";
import { addAlias } from "./aliases.ts";
import type { Ask } from "./ask.ts";
import type { FoundAnswer, SemanticMatch } from "./match.ts";
import { partitionOf, type QuestionRecord } from "./question-record.ts";
import type { Neighbour } from "./questions.ts";
import { textOfAnswer, type SemanticParts } from "./semantic-parts.ts";
import type { SemanticCandidate, SemanticDecision } from "./similarity-policy.ts";

/** How a lookup went; kept until the model's answer is there. */
export interface Looked {
  readonly ask: Ask;
  outcome: SemanticLookupEvent["outcome"];
  reason: SemanticEventReason;
  /** What was known of this very question. */
  known?: QuestionRecord | undefined;
  vector?: Float32Array;
  partition?: Digest;
  neighbours: readonly Neighbour[];
  candidates: readonly SemanticCandidate[];
  decision?: SemanticDecision;
  /** Of the questions, when it began: what a removal since then took is not written again. */
  readonly epoch: number;
  /** Time that the verifier and the adapter took, ms: it is told apart from the step's own. */
  modelMs: number;
}

/** Candidates that the policy sees. */
const CANDIDATES = 5;

export class Lookup {
  readonly #parts: SemanticParts;

  constructor(parts: SemanticParts) {
    this.#parts = parts;
  }

  /** @param mayServe whether the rollouts let this call be served */
  async run(ask: Ask, mayServe: boolean): Promise<{ readonly looked: Looked; readonly found?: FoundAnswer | undefined }> {
    const looked: Looked = {
      ask,
      outcome: "missed",
      reason: "no-candidates",
      neighbours: [],
      candidates: [],
      epoch: this.#parts.questions.epoch,
      modelMs: 0,
    };
    const { scope, family, id } = ask.place;
    looked.known = await this.#parts.questions.get(scope, family, id);
    const known = await this.#known(looked);
    if (known !== undefined) {
      if (!mayServe) return { looked: end(looked, "withheld", "rollout") };
      end(looked, "served", "known-question");
      return { looked, found: this.#found(looked, known, "semantic", 0) };
    }
    if (!(await this.#compare(looked))) return { looked };
    return { looked, found: await this.#decide(looked, mayServe) };
  }

  /** The answer of the very same question, such as an alias has. */
  async #known(looked: Looked): Promise<Found<Replay> | undefined> {
    const { known, ask } = looked;
    if (known?.answer === undefined || known.wrong?.includes(known.answer) === true) return undefined;
    const found = await this.#parts.answer(known.answer, ask.place.scope);
    if (found === undefined) return undefined;
    looked.neighbours = [{ id: ask.place.id, similarity: 1, record: known }];
    looked.candidates = [{ entryId: known.answer, text: known.text, similarity: 1 }];
    looked.decision = { action: "serve", candidate: 0, reason: "The same question was asked before." };
    return found;
  }

  /** Embeds the question and finds its neighbours; whether there are any. */
  async #compare(looked: Looked): Promise<boolean> {
    const { embedder, questions, policy } = this.#parts;
    const { place, question } = looked.ask;
    try {
      looked.vector = await embedder.embed(question.text);
    } catch (error) {
      return this.#failed(looked, "embeddings", error);
    }
    const partition = partitionOf(place.family, embedder.identity, looked.vector.length);
    looked.partition = partition;
    this.#parts.memory.notePartition({ scope: place.scope, family: place.family, partition, model: looked.ask.model });
    let neighbours: readonly Neighbour[];
    try {
      neighbours = await questions.near(place, partition, looked.vector, CANDIDATES);
    } catch (error) {
      return this.#failed(looked, "index", error);
    }
    const usable = neighbours.filter(({ record, similarity }) => {
      if (record.answer === undefined || looked.known?.wrong?.includes(record.answer) === true) return false;
      // A policy that learns makes up its own mind about an answer that was wrong.
      return policy.learn !== undefined || record.floor === undefined || similarity > record.floor;
    });
    if (usable.length === 0 && neighbours.length > 0) looked.reason = "told-wrong";
    this.#consider(looked, usable);
    return usable.length > 0;
  }

  #consider(looked: Looked, neighbours: readonly Neighbour[]): void {
    looked.neighbours = neighbours;
    looked.candidates = neighbours.map(({ record, similarity }) => {
      return { entryId: record.answer ?? "", text: record.text, similarity };
    });
  }

  async #decide(looked: Looked, mayServe: boolean): Promise<FoundAnswer | undefined> {
    const { policy } = this.#parts;
    for (;;) {
      let decision: SemanticDecision;
      try {
        decision = policy.decide(looked.ask.question, looked.candidates);
      } catch (error) {
        this.#failed(looked, "policy", error);
        return undefined;
      }
      looked.decision = decision;
      const { action, candidate } = decision;
      const neighbour = candidate === undefined ? undefined : looked.neighbours[candidate];
      if (action === "miss" || candidate === undefined || neighbour === undefined) {
        end(looked, "missed", decision.veto === undefined ? "not-similar" : "veto");
        return undefined;
      }
      const found = await this.#parts.answer(neighbour.record.answer ?? "", looked.ask.place.scope);
      if (found !== undefined) return this.#act(looked, decision, candidate, found, mayServe);
      // The answer was evicted, removed or is over: its question is as good as gone.
      this.#consider(
        looked,
        looked.neighbours.filter((other) => other !== neighbour),
      );
      if (looked.neighbours.length === 0) {
        delete looked.decision;
        end(looked, "missed", "no-candidates");
        return undefined;
      }
    }
  }

  async #act(
    looked: Looked,
    { action, audit }: SemanticDecision,
    candidate: number,
    found: Found<Replay>,
    mayServe: boolean,
  ): Promise<FoundAnswer | undefined> {
    const { verifier, adapt } = this.#parts.options.semantic;
    if (audit === true || (action === "serve" && !mayServe)) {
      end(looked, "withheld", mayServe ? "audit" : "rollout");
      return undefined;
    }
    if (action === "serve") {
      end(looked, "served", "similar");
      return this.#found(looked, found, "semantic", candidate);
    }
    if (!mayServe) {
      end(looked, "missed", "rollout");
      return undefined;
    }
    // Where only one of the two is there, it stands in for the other.
    const verifies = verifier !== undefined && (action === "verify" || adapt === undefined);
    const startedAt = this.#parts.options.clock.monotonic();
    try {
      if (verifies) return await this.#verify(looked, candidate, found);
      if (adapt !== undefined) return await this.#adapt(looked, candidate, found);
    } finally {
      looked.modelMs = this.#parts.options.clock.monotonic() - startedAt;
    }
    end(looked, "missed", action === "verify" ? "no-verifier" : "no-adapter");
    return undefined;
  }

  async #verify(looked: Looked, candidate: number, found: Found<Replay>): Promise<FoundAnswer | undefined> {
    const { verifierGuard, policy, memory, options } = this.#parts;
    const input = inputOf(looked, candidate, found);
    const { verifier } = options.semantic;
    if (input === undefined || verifier === undefined) return void end(looked, "missed", "no-verifier");
    let isRight: boolean;
    try {
      const said: unknown = await verifierGuard.run((call) => verifier.verify(input, call));
      isRight = said === true;
    } catch (error) {
      this.#failed(looked, "verifier", error);
      return undefined;
    }
    policy.learn?.({
      ...{ question: looked.ask.question, candidates: looked.candidates, candidate },
      right: isRight,
      source: "verifier",
    });
    memory.changed();
    if (!isRight) {
      end(looked, "missed", "rejected");
      return undefined;
    }
    end(looked, "served", "verified");
    const { vector, partition, neighbours, ask, known } = looked;
    const { place, question, tags } = ask;
    void addAlias(this.#parts, {
      ...{ place, text: question.text, tags, known, vector, partition },
      ...{ original: neighbours[candidate]?.record, expiresAt: found.expiresAt, cost: found.cost },
      by: "verifier",
      epoch: looked.epoch,
    });
    return this.#found(looked, found, "semantic", candidate);
  }

  async #adapt(looked: Looked, candidate: number, found: Found<Replay>): Promise<FoundAnswer | undefined> {
    const { adapterGuard, options } = this.#parts;
    const input = inputOf(looked, candidate, found);
    const { adapt } = options.semantic;
    if (input === undefined || adapt === undefined) return void end(looked, "missed", "no-adapter");
    try {
      const adapted = await adapterGuard.run((call) => adapt.adapt(input, call));
      if (adapted === undefined || typeof adapted.text !== "string" || adapted.text.trim() === "") {
        return void end(looked, "missed", "not-adapted");
      }
      const value = prepareReplay(adaptedAnswer(found.value.answer, adapted));
      end(looked, "adapted", "adapted");
      return this.#found(looked, { ...found, value }, "adapted", candidate);
    } catch (error) {
      this.#failed(looked, "adapter", error);
      return undefined;
    }
  }

  #found(looked: Looked, found: Found<Replay>, source: SemanticMatch["source"], candidate: number): FoundAnswer {
    const { ask, candidates, decision, vector, partition, neighbours } = looked;
    const match: SemanticMatch = {
      ...{ source, candidates, candidate, vector, partition },
      ...{ question: ask.question, family: ask.place.family, id: ask.place.id },
      similarity: candidates[candidate]?.similarity ?? 0,
      confidence: decision?.confidence,
      candidateId: neighbours[candidate]?.id ?? "",
    };
    return { ...found, match };
  }

  #failed(looked: Looked, part: SemanticPart, error: unknown): false {
    this.#parts.fault(part, error);
    end(looked, "missed", `${part}-failed`);
    return false;
  }
}

function end(looked: Looked, outcome: Looked["outcome"], reason: SemanticEventReason): Looked {
  looked.outcome = outcome;
  looked.reason = reason;
  return looked;
}

function inputOf(
  { ask, candidates }: Looked,
  candidate: number,
  found: Found<Replay>,
): { question: string; original: string; answer: string } | undefined {
  const answer = textOfAnswer(found.value.answer);
  const original = candidates[candidate]?.text;
  if (answer === undefined || original === undefined) return undefined;
  return { question: ask.question.text, original, answer };
}
