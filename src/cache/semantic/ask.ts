/** A call as the semantic step sees it: what is asked, and among which questions it may be compared. */
import { digest, type Digest } from "../../core/key.ts";
import type { CacheRequest } from "../request-cache.ts";
import { familyOf, questionId } from "./question-record.ts";
import type { QuestionPlace } from "./questions.ts";
import type { ParsedSemantic } from "./semantic-options.ts";
import type { SemanticQuestion } from "./similarity-policy.ts";
import type { ReadTurn, SkipReason } from "./turn.ts";

export interface Ask {
  /** Of the request: where its own answer will lie, by what it is removed, who answers. Not its messages, which may be long. */
  readonly key: Digest;
  readonly tags: readonly string[];
  readonly model: Digest;
  readonly question: SemanticQuestion;
  readonly place: QuestionPlace;
}

/**
 * @param embeddings the identity of the embedding model
 * @returns why it is not compared, when it is not
 * @throws what reading the call throws
 */
export function readAsk(request: CacheRequest, embeddings: Digest, options: ParsedSemantic): Ask | SkipReason {
  const turn: ReadTurn = request.turn?.() ?? "no-question";
  if (typeof turn === "string") return turn;
  // Before the user's own function: it is made for turns, and a turn of a megabyte is none.
  const split = turn.text.length > options.maxQuestion * SPLIT_FACTOR ? undefined : options.split?.(turn.text);
  const text = split?.question ?? turn.text;
  if (text.trim() === "") return "empty";
  if (text.length > options.maxQuestion) return "too-long";
  const context = split === undefined ? turn.context : JSON.stringify([turn.context, split.context]);
  const { key, tags, scope, model, documents = [] } = request;
  const family = familyOf(scope, model, context, documents);
  return {
    ...{ key, tags, model },
    question: { text, population: digest("population", scope, embeddings) },
    place: { scope, within: request.within(), family, id: questionId(text) },
  };
}

/** Documents in the turn may be longer than the question. */
const SPLIT_FACTOR = 50;
