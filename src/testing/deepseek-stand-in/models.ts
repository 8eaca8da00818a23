/** A model that the stand-in offers. */
export interface StandInModel {
  readonly id: string;
  /** Whether it thinks before it answers unless the request says otherwise (`thinking.type`, `reasoning_effort: "none"`). */
  readonly thinks: boolean;
  /** Whether a message may hold images; default `false`, as for the text models of DeepSeek. */
  readonly images?: boolean;
}

/**
 * The models of the API: the two names that LangChain's examples use, and the two that they became aliases of in 2026.
 * https://api-docs.deepseek.com/api/list-models
 */
export const DEEPSEEK_MODELS: readonly StandInModel[] = [
  { id: "deepseek-chat", thinks: false },
  { id: "deepseek-reasoner", thinks: true },
  { id: "deepseek-v4-flash", thinks: true },
  { id: "deepseek-v4-pro", thinks: true },
];

/** The largest `max_tokens` that the API takes (393,216, from its model list). */
export const LARGEST_MAX_TOKENS = 393_216;
