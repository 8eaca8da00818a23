/** A text, or a pair of texts, as a model reads it. */
export interface EncodedText {
  /** With the special tokens around them. */
  readonly ids: readonly number[];
  /** 0 for the first text, 1 for the second of a pair; all 0 when absent. */
  readonly types?: readonly number[] | undefined;
  /** Whether there is a token beside special and unknown ones. */
  readonly isKnown: boolean;
}

export interface Tokenizer {
  /** Cuts off what is beyond the model's longest input; of a pair, the end of the second text. */
  encode(text: string, pair?: string): EncodedText;
  /** The id that fills up a row. */
  readonly padding: number;
}
