/**
 * The clairvoyant optimum: the most hits that any policy can have on a trace. What goes is the key whose next use is furthest away,
 * be it the newcomer itself.
 *
 * Belady: "A study of replacement algorithms for a virtual-storage computer", IBM Systems Journal 5(2), 1966.
 */
export function optimalHits(trace: readonly string[], capacity: number): number {
  const nextUses = findNextUses(trace);
  /** The next use of each resident key. */
  const resident = new Map<string, number>();
  const furthest = new MaxHeap();
  let hits = 0;
  for (const [at, key] of trace.entries()) {
    if (resident.delete(key)) hits++;
    const nextUse = nextUses[at]!;
    if (nextUse === NEVER) continue;
    resident.set(key, nextUse);
    furthest.push(nextUse);
    // The uses that have passed lie below all others, so what is on top is the next use of a resident key.
    if (resident.size > capacity) resident.delete(trace[furthest.pop()]!);
  }
  return hits;
}

const NEVER = -1;

function findNextUses(trace: readonly string[]): Int32Array {
  const uses = new Int32Array(trace.length);
  const seen = new Map<string, number>();
  for (let at = trace.length - 1; at >= 0; at--) {
    const key = trace[at]!;
    uses[at] = seen.get(key) ?? NEVER;
    seen.set(key, at);
  }
  return uses;
}

class MaxHeap {
  readonly #values: number[] = [];

  push(value: number): void {
    const values = this.#values;
    let at = values.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (values[parent]! >= value) break;
      values[at] = values[parent]!;
      at = parent;
    }
    values[at] = value;
  }

  /** Takes out the greatest value of a heap that is not empty. */
  pop(): number {
    const values = this.#values;
    const greatest = values[0]!;
    const last = values.pop()!;
    if (values.length === 0) return greatest;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= values.length) break;
      if (child + 1 < values.length && values[child + 1]! > values[child]!) child++;
      if (values[child]! <= last) break;
      values[at] = values[child]!;
      at = child;
    }
    values[at] = last;
    return greatest;
  }
}
