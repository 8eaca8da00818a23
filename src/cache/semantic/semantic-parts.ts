/** What the parts of the semantic step share. */
import type { Clock } from "../../core/clock.ts";
import { StrataError } from "../../core/errors.ts";
import type { Emit, SemanticPart } from "../../core/events.ts";
import { Guard } from "../../core/guard.ts";
import type { Digest } from "../../core/key.ts";
import type { VectorIndex } from "../../vectors/vector-index.ts";
import type { HitIds } from "../hit-ids.ts";
import { parseAnswer, prepareReplay, type Replay, type StoredAnswer } from "../response-codec.ts";
import type { Found, TieredStore } from "../tiered-store.ts";
import { Embedder } from "./embedder.ts";
import { staticPolicy } from "./policies/static.ts";
import { PolicyMemory } from "./policy-memory.ts";
import { Questions } from "./questions.ts";
import type { ParsedSemantic } from "./semantic-options.ts";
import { SemanticCounters } from "./semantic-stats.ts";
import type { SimilarityPolicy } from "./similarity-policy.ts";

export interface SemanticPartsOptions {
  readonly store: TieredStore;
  readonly clock: Clock;
  readonly random: () => number;
  readonly emit: Emit;
  readonly semantic: ParsedSemantic;
  readonly index: VectorIndex;
  readonly hitIds: HitIds;
  /** Answers are kept for so long past their life, to be served to others while one caller refreshes them, ms. */
  readonly staleMs: number;
}

export class SemanticParts {
  readonly options: SemanticPartsOptions;
  readonly counters: SemanticCounters = new SemanticCounters();
  readonly embedder: Embedder;
  readonly questions: Questions;
  readonly memory: PolicyMemory;
  readonly verifierGuard: Guard;
  readonly adapterGuard: Guard;
  policy: SimilarityPolicy;

  constructor(options: SemanticPartsOptions) {
    const { store, clock, semantic, index } = options;
    const { deadlines } = semantic;
    this.options = options;
    this.policy = semantic.policy ?? staticPolicy();
    this.embedder = new Embedder(
      semantic.embeddings,
      semantic.embeddingModel,
      this.#guard("embeddings", "The embedding model", deadlines.embeddings),
    );
    this.verifierGuard = this.#guard("verifier", "The verifier", deadlines.verifier);
    this.adapterGuard = this.#guard("adapter", "The adapter", deadlines.adapt);
    this.questions = new Questions({
      ...{ store, index, guard: this.#guard("index", "The vector index", deadlines.index) },
      onError: (error) => this.fault("index", error),
    });
    this.memory = new PolicyMemory({
      ...{ store, clock, identity: this.embedder.identity },
      policy: () => this.policy,
      onError: (error) => this.fault("policy", error),
    });
  }

  /** Counts and tells of a failure; not of one that only says that the part is off, which was told. */
  fault(part: SemanticPart, error: unknown): void {
    this.counters.fault(part);
    const code = StrataError.isInstance(error) ? error.code : "ENGINE";
    if (code !== "CIRCUIT_OPEN") this.options.emit?.({ type: "semantic.fault", part, code });
  }

  /** A stored answer that may still be served. */
  async answer(key: Digest, scope: Digest): Promise<Found<Replay> | undefined> {
    const { store, clock, staleMs } = this.options;
    const found = await store.get(key, scope, readAnswer);
    if (found?.expiresAt !== undefined && found.expiresAt - staleMs <= clock.now()) return undefined;
    return found;
  }

  #guard(part: SemanticPart, name: string, deadlineMs: number): Guard {
    const { clock, random, emit } = this.options;
    return new Guard({
      ...{ name, clock, random, deadlineMs },
      onBreaker: (state) => emit?.({ type: "semantic.state", part, state: state === "open" ? "off" : "on" }),
    });
  }
}

function readAnswer(payload: Buffer): Replay {
  return prepareReplay(parseAnswer(payload.toString("utf8")));
}

/** What an answer says, for comparing and rewriting; `undefined` when it has several candidates or is not all text. */
export function textOfAnswer(answer: StoredAnswer): string | undefined {
  const [only] = answer;
  if (only === undefined || answer.length > 1) return undefined;
  const { text, message } = only;
  if (text !== undefined && text !== "") return text;
  const content = message?.content ?? "";
  if (typeof content === "string") return content === "" ? undefined : content;
  const texts = content.map((block) => {
    const { type, text: said } = (typeof block === "object" && block !== null ? block : {}) as { type?: unknown; text?: unknown };
    return type === "text" && typeof said === "string" ? said : "";
  });
  const joined = texts.join("");
  return joined === "" ? undefined : joined;
}

/** Whether an answer asks for tools to be called. */
export function callsTools(answer: StoredAnswer): boolean {
  return answer.some(({ message }) => (message?.tool_calls ?? []).length + (message?.invalid_tool_calls ?? []).length > 0);
}
