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
const SLOTS = 4096;
/** Longer texts are hashed each time. */
const LONGEST_TEXT = 64 * 1024;
/** Characters held in all; beyond it a text is taken only in the place of one that is at least as long. */
const MAX_CHARACTERS = 8 * 1024 * 1024;

/** Looking costs a third of a hash, so where texts do not repeat the memo stands aside: judged on a round, then for some rounds. */
const ROUND = 512;
const LEAST_HITS = ROUND / 4;
const ROUNDS_ASIDE = 8;

export class DigestMemo {
  #slots: (Slot | undefined)[] = emptySlots();
  #characters = 0;
  #looks = 0;
  #hits = 0;
  #aside = 0;

  /** `digestAfter(prefix, text)`. */
  digestAfter(prefix: string, text: string): Digest {
    if (text.length > LONGEST_TEXT || (this.#aside > 0 && this.#aside-- > 0)) return digestAfter(prefix, text);
    if (++this.#looks === ROUND) this.#judge();
    const place = zlib.crc32(text) & (SLOTS - 1);
    const slot = this.#slots[place];
    if (slot !== undefined && slot.text === text && slot.prefix === prefix) {
      this.#hits++;
      return slot.digest;
    }
    const digest = digestAfter(prefix, text);
    const growth = text.length - (slot?.text.length ?? 0);
    if (growth <= 0 || this.#characters + growth <= MAX_CHARACTERS) {
      this.#characters += growth;
      this.#slots[place] = { prefix, text, digest };
    }
    return digest;
  }

  /** Lets go of every text. */
  clear(): void {
    this.#slots = emptySlots();
    this.#characters = 0;
  }

  #judge(): void {
    if (this.#hits < LEAST_HITS) this.#aside = ROUNDS_ASIDE * ROUND;
    this.#looks = 0;
    this.#hits = 0;
  }
}

function emptySlots(): (Slot | undefined)[] {
  return Array.from({ length: SLOTS }, () => undefined);
}
