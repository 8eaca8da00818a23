/**
 * Digests of recent texts. A SHA-256 of a prompt of 2 KB takes over a microsecond, as much as all the rest of a hit in memory; to
 * find that the text was hashed lately takes a third of that: a CRC-32 says where to look (looking at a few characters would not
 * do, because prompts made from one template differ in a few), and equality is one comparison of memory, some tens of nanoseconds.
 *
 * The texts are held in this process, within a bound, and nowhere else. A wrong place costs a hash and nothing more: a digest is
 * given only for an equal text after an equal prefix.
 */
import * as zlib from "node:zlib";
import { digestAfter, type Digest } from "./key.ts";

interface Slot {
  readonly prefix: string;
  readonly text: string;
  readonly digest: Digest;
}

/** A power of two. */
const SLOTS = 1024;
/** Longer texts are hashed each time. */
const LONGEST_TEXT = 64 * 1024;
/** Characters held in all; beyond it the memo starts anew. */
const MAX_CHARACTERS = 8 * 1024 * 1024;

export class DigestMemo {
  #slots: (Slot | undefined)[] = emptySlots();
  #characters = 0;

  /** `digestAfter(prefix, text)`. */
  digestAfter(prefix: string, text: string): Digest {
    if (text.length > LONGEST_TEXT) return digestAfter(prefix, text);
    const place = zlib.crc32(text) & (SLOTS - 1);
    const slot = this.#slots[place];
    if (slot !== undefined && slot.text === text && slot.prefix === prefix) return slot.digest;
    const digest = digestAfter(prefix, text);
    if (this.#characters + text.length > MAX_CHARACTERS) this.clear();
    this.#characters += text.length - (this.#slots[place]?.text.length ?? 0);
    this.#slots[place] = { prefix, text, digest };
    return digest;
  }

  /** Lets go of every text. */
  clear(): void {
    this.#slots = emptySlots();
    this.#characters = 0;
  }
}

function emptySlots(): (Slot | undefined)[] {
  return Array.from({ length: SLOTS }, () => undefined);
}
