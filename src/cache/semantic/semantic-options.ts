import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import { StrataConfigError } from "../../core/errors.ts";
import { parseCount, parseDuration, parseFunction, requireMethods, refuseUnknown, type Duration } from "../../core/options.ts";
import type { VectorIndex } from "../../vectors/vector-index.ts";
import { createRollout, type Rollout, type RolloutOptions } from "../rollout.ts";
import type { Adapter } from "./adapter.ts";
import type { SimilarityPolicy } from "./similarity-policy.ts";
import type { SemanticExtra } from "./turn.ts";
import type { Verifier } from "./verifier.ts";

export interface SemanticOptions {
  /** Makes vectors of questions; the same text must give the same vector. */
  readonly embeddings: EmbeddingsInterface;
  /**
   * Names the embedding model where it does not name itself (`model`, `modelName`, `info`). Vectors of two models never meet, so
   * give another name when the model behind the same name changed.
   */
  readonly embeddingModel?: string | undefined;
  /** Where vectors lie; default `flatIndex()`, in the disk tier's folder where there is one. The cache closes it. */
  readonly index?: VectorIndex | undefined;
  /** Decides what is near enough; default `staticPolicy({ similarity: 0.85, adapt: 0.75 })`. */
  readonly policy?: SimilarityPolicy | undefined;
  /** Looks twice where the policy is not sure; without one such questions go to the model. */
  readonly verifier?: Verifier | undefined;
  /** Rewrites near answers; without one such questions go to the model. */
  readonly adapt?: Adapter | undefined;
  /** Narrows the semantic step alone; the cache's own `rollout` covers every hit. */
  readonly rollout?: RolloutOptions | undefined;
  /**
   * Whether the model's answer says the same as the cached one would have; policies learn from it. Equal texts always do; default:
   * others do not.
   */
  readonly sameAnswer?: ((a: string, b: string) => boolean | Promise<boolean>) | undefined;
  /** Kinds of calls that are compared, too; default none of them. */
  readonly include?: readonly SemanticExtra[] | undefined;
  /**
   * Splits a user's turn that is made from a template into the question and the rest, such as retrieved documents, which must then
   * be equal; `undefined` from it = the turn is all question.
   */
  readonly split?: ((turn: string) => { readonly question: string; readonly context: string } | undefined) | undefined;
  /** Longest question in characters; longer ones are not compared; default 4,000. */
  readonly maxQuestion?: number | undefined;
  /** How long each part may take before the step goes on without it. */
  readonly deadlines?: SemanticDeadlines | undefined;
}

export interface SemanticDeadlines {
  /** One embedding; default 500 ms. */
  readonly embeddings?: Duration | undefined;
  /** One search of the index; default 200 ms. */
  readonly index?: Duration | undefined;
  /** The verifier; default 3 s. */
  readonly verifier?: Duration | undefined;
  /** The adapter; default 20 s. */
  readonly adapt?: Duration | undefined;
}

export interface ParsedSemantic extends Omit<SemanticOptions, "rollout" | "include" | "deadlines" | "maxQuestion"> {
  readonly rollout: Rollout;
  readonly extras: ReadonlySet<SemanticExtra>;
  readonly maxQuestion: number;
  readonly deadlines: { readonly embeddings: number; readonly index: number; readonly verifier: number; readonly adapt: number };
}

const OPTIONS = [
  ...["embeddings", "embeddingModel", "index", "policy", "verifier", "adapt", "rollout", "sameAnswer", "include", "split"],
  ...["maxQuestion", "deadlines"],
];

/** @throws {@link StrataConfigError} naming the option */
export function parseSemantic(options: SemanticOptions): ParsedSemantic {
  if (typeof options !== "object" || options === null)
    throw new StrataConfigError("semantic", options, "{ embeddings }, such as { embeddings: new LocalEmbeddings() }");
  refuseUnknown("semantic", options, OPTIONS);
  const { embeddings, embeddingModel, index, policy, verifier, adapt, include = [], deadlines = {} } = options;
  requireMethods("semantic.embeddings", embeddings, ["embedQuery"], "embeddings, such as new LocalEmbeddings()");
  if (embeddingModel !== undefined && (typeof embeddingModel !== "string" || embeddingModel === "")) {
    throw new StrataConfigError("semantic.embeddingModel", embeddingModel, "a text that is not empty");
  }
  if (index !== undefined) {
    requireMethods("semantic.index", index, ["add", "search", "remove", "close"], "a vector index, such as flatIndex()");
  }
  if (policy !== undefined) requireMethods("semantic.policy", policy, ["decide"], "a policy, such as staticPolicy()");
  if (verifier !== undefined) requireMethods("semantic.verifier", verifier, ["verify"], "a verifier, such as llmVerifier(model)");
  if (adapt !== undefined) requireMethods("semantic.adapt", adapt, ["adapt"], "an adapter, such as llmAdapter(model)");
  const extras: readonly SemanticExtra[] = ["tool-results", "structured-output", "tool-calls"];
  if (!Array.isArray(include) || include.some((extra) => !extras.includes(extra as SemanticExtra))) {
    throw new StrataConfigError("semantic.include", include, `a list of ${extras.map((extra) => `"${extra}"`).join(", ")}`);
  }
  if (typeof deadlines !== "object" || deadlines === null) {
    throw new StrataConfigError("semantic.deadlines", deadlines, "{ embeddings, index, verifier, adapt }");
  }
  refuseUnknown("semantic.deadlines", deadlines, ["embeddings", "index", "verifier", "adapt"]);
  const deadline = (name: keyof SemanticDeadlines, usual: Duration): number =>
    parseDuration(`semantic.deadlines.${name}`, deadlines[name] ?? usual);
  return {
    ...{ embeddings, embeddingModel, index, policy, verifier, adapt },
    sameAnswer: parseFunction("semantic.sameAnswer", options.sameAnswer),
    split: parseFunction("semantic.split", options.split),
    rollout: createRollout(options.rollout, "semantic.rollout"),
    extras: new Set(include),
    maxQuestion: parseCount("semantic.maxQuestion", options.maxQuestion ?? 4_000),
    deadlines: {
      embeddings: deadline("embeddings", "500ms"),
      index: deadline("index", "200ms"),
      verifier: deadline("verifier", "3s"),
      adapt: deadline("adapt", "20s"),
    },
  };
}
