/** What a user may paste. */
export const BAD_TEXTS: Readonly<Record<string, string>> = {
  "an empty text": "",
  "white space": " \n\t\u00a0",
  "1 MB": "Stop loss e take profit. ".repeat(42_000),
  "1 MB without a space": "x".repeat(2 ** 20),
  "an unpaired surrogate": "a\ud800b",
  "unpaired surrogates alone": "\udc00\ud800",
  NUL: "\u0000",
  "a NUL within": "risk\u0000reward",
  "another script": "おはようございます",
  emoji: "🎉👩‍👩‍👧",
  "combining marks alone": "\u0301\u0301",
  "a special token": "[CLS] [PAD] [UNK]",
};

export function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? Number.NaN), 0);
}
