import { IdList, Links, type Simulate } from "../simulation.ts";

const WINDOW_SHARE = 0.01;
const PROTECTED_SHARE = 0.8;
/** Requests after which all counts are halved, in capacities. */
const SAMPLE = 10;

/**
 * W-TinyLFU: a window of 1 %, then a segmented LRU that takes a key in only if it was asked more often than the one that would have
 * to go, by counts that are halved from time to time.
 * Einziger, Friedman, Manes: "TinyLFU: a highly efficient cache admission policy", ACM TOS 13(4), 2017. Without the
 * climber that Caffeine adds to size its window, and with exact counts in place of a sketch, which is in its favour.
 */
export const wTinyLfu: Simulate = (capacity, distinct) => {
  const links = new Links(distinct);
  const inWindow = new IdList(links);
  const onProbation = new IdList(links);
  const inProtection = new IdList(links);
  const windowRoom = Math.max(1, Math.floor(capacity * WINDOW_SHARE));
  const mainRoom = capacity - windowRoom;
  const protectedRoom = Math.floor(mainRoom * PROTECTED_SHARE);
  const counts = new AgedCounts(distinct, SAMPLE * capacity);

  function use(id: number): boolean {
    if (inWindow.has(id)) {
      inWindow.remove(id);
      inWindow.push(id);
    } else if (inProtection.has(id)) {
      inProtection.remove(id);
      inProtection.push(id);
    } else if (onProbation.has(id)) {
      onProbation.remove(id);
      inProtection.push(id);
      if (inProtection.length > protectedRoom) onProbation.push(inProtection.pop());
    } else {
      return false;
    }
    return true;
  }

  function moveOutOfWindow(): void {
    const candidate = inWindow.pop();
    if (onProbation.length + inProtection.length < mainRoom) {
      onProbation.push(candidate);
      return;
    }
    const list = onProbation.length > 0 ? onProbation : inProtection;
    if (list.length === 0 || counts.of(candidate) <= counts.of(list.last)) return;
    list.pop();
    onProbation.push(candidate);
  }

  return {
    request(id) {
      counts.add(id);
      if (use(id)) return true;
      inWindow.push(id);
      if (inWindow.length > windowRoom) moveOutOfWindow();
      return false;
    },
  };
};

/** What the paper's counters of four bits hold. */
const MOST = 15;

/** Counts of all keys, halved when `sample` requests have been counted. */
class AgedCounts {
  readonly #counts: Uint8Array;
  readonly #sample: number;
  #counted = 0;

  constructor(distinct: number, sample: number) {
    this.#counts = new Uint8Array(distinct);
    this.#sample = sample;
  }

  add(id: number): void {
    this.#counts[id] = Math.min(MOST, this.of(id) + 1);
    if (++this.#counted < this.#sample) return;
    for (let key = 0; key < this.#counts.length; key++) this.#counts[key] = this.of(key) >> 1;
    this.#counted >>= 1;
  }

  of(id: number): number {
    return this.#counts[id]!;
  }
}
