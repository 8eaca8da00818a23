/** Where a page ended, as a text that goes to a client and back. It filters nothing: whose rows are read is asked anew for each page. */
import { StrataConfigError } from "../../core/errors.ts";

export function packCursor(place: readonly number[]): string {
  return Buffer.from(JSON.stringify(place)).toString("base64url");
}

/**
 * @param length how many whole numbers it must hold
 * @throws {@link StrataConfigError} for a text that is no cursor of this kind
 */
export function parseCursor(option: string, cursor: string | undefined, length: number): readonly number[] | undefined {
  if (cursor === undefined) return undefined;
  let place: unknown;
  try {
    place = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    place = undefined;
  }
  if (!Array.isArray(place) || place.length !== length || !place.every((part) => Number.isSafeInteger(part))) {
    throw new StrataConfigError(option, cursor, "the `cursor` of the page before, as it was given");
  }
  return place as number[];
}
