/** What search reads of a message. */

/** PostgreSQL takes at most 1 MB of words for one row; three readings of so many characters stay below it, whatever they are. */
const LONGEST_SEARCHED = 50_000;

/** The part of a text that is indexed. */
export function searchedText(text: string): string {
  // A surrogate pair that the cut would part is left out.
  return text.length <= LONGEST_SEARCHED ? text : text.slice(0, LONGEST_SEARCHED).replace(/[\ud800-\udbff]$/, "");
}

/** Without accents; `undefined` when there are none. */
export function withoutAccents(text: string): string | undefined {
  // Most texts are told at a glance, and need not be taken apart.
  if (!/[^\0-\x7f]/.test(text)) return undefined;
  const bare = text.normalize("NFD").replace(/\p{Mn}+/gu, "");
  return bare === text ? undefined : bare;
}
