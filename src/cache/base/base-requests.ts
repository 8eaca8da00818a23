/** From what LangChain hands a `BaseCache`, one flattened text and a model key, to the request that the tiers are asked for. */
import { LRUCache } from "lru-cache";
import { DigestMemo } from "../../core/digest-memo.ts";
import { keyPrefix, type Digest } from "../../core/key.ts";
import type { AnswerCache } from "../answer-cache.ts";
import { currentConfig } from "../call-control.ts";
import { readLlmKey, type ModelIdentity } from "./llm-key.ts";
import type { CacheRequest } from "../request-cache.ts";
import { turnOfPrompt } from "../semantic/prompt-turn.ts";
import type { ReadTurn } from "../semantic/turn.ts";

/**
 * Content blocks that LangChain flattens to a placeholder: two images are one text. `getBufferString` of core 1.2 prints
 * `[type]`; these are its own types and those of the providers.
 */
const PLACEHOLDER =
  /\[(?:image|audio|video|file|text-plain file|image_url|input_image|input_audio|input_file|document|media|inlineData|fileData|image_file|thinking|redacted_thinking|search_result|tool_result|container_upload)\]/;

export interface BaseRequestsOptions {
  readonly answers: AnswerCache;
  readonly modelId: string | undefined;
  /** Whether some tier can only be asked as LangChain asks. */
  readonly asksInClear: boolean;
}

export class BaseRequests {
  readonly #answers: AnswerCache;
  readonly #modelId: string | undefined;
  readonly #asksInClear: boolean;
  /** Parsed model keys. A model's key is the same text on each call outside of agents, and its parts hold credentials: few. */
  readonly #identities = new LRUCache<string, ModelIdentity>({
    max: 200,
    maxSize: 2_000_000,
    sizeCalculation: (_identity, llmKey) => llmKey.length + 1,
  });
  /** Most calls have the model and the scope of the call before. */
  #last: { readonly llmKey: string | undefined; readonly identity: ModelIdentity } = {
    llmKey: undefined,
    identity: { bypass: "model-unidentified" },
  };
  #prefix = { scope: "", model: "", text: "" };
  readonly #digests = new DigestMemo();

  constructor(options: BaseRequestsOptions) {
    this.#answers = options.answers;
    this.#modelId = options.modelId;
    this.#asksInClear = options.asksInClear;
  }

  /** The request, or `undefined` when it must not be cached; that was counted. */
  read(prompt: string, llmKey: string): CacheRequest | undefined {
    const identity = this.#identify(llmKey);
    if ("bypass" in identity) return this.#answers.bypass(identity.bypass);
    if (prompt.includes("[") && PLACEHOLDER.test(prompt)) return this.#answers.bypass("placeholder");
    const { digest: model, structured } = identity;
    const control = this.#answers.control(currentConfig());
    const extras = this.#answers.semanticExtras;
    const turn = extras === undefined ? undefined : turnReader(prompt, structured === true && !extras.has("structured-output"));
    const request = this.#answers.request(
      control,
      model,
      (scope) => this.#digests.digestAfter(this.#keyPrefix(scope, model), prompt),
      turn,
    );
    if (request === undefined || !this.#asksInClear) return request;
    return { ...request, question: { prompt, llmKey, scope: request.scope } };
  }

  #keyPrefix(scope: Digest, model: Digest): string {
    if (this.#prefix.scope !== scope || this.#prefix.model !== model) {
      this.#prefix = { scope, model, text: keyPrefix("answer", scope, model) };
    }
    return this.#prefix.text;
  }

  #identify(llmKey: string): ModelIdentity {
    if (llmKey === this.#last.llmKey) return this.#last.identity;
    const identity = this.#identities.get(llmKey) ?? readLlmKey(llmKey, this.#modelId);
    this.#identities.set(llmKey, identity);
    this.#last = { llmKey, identity };
    return identity;
  }

  /** Forgets the prompts that it has seen. */
  clear(): void {
    this.#digests.clear();
  }
}

/** Out of the method that every lookup goes through: what a function closes over is allocated with each call. */
function turnReader(prompt: string, isStructured: boolean): () => ReadTurn {
  return () => turnOfPrompt(prompt, isStructured);
}
