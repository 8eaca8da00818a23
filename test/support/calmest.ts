/**
 * What code takes without what a busy machine takes from it: the least of several measurements. Code that is too slow is so in each of
 * them; a machine that keeps everybody waiting does not do so every time.
 *
 * Ends at the first measurement below `bound`.
 * @param measure gives milliseconds, or bytes, or whatever is to be small
 */
export async function calmest(bound: number, measure: () => number | Promise<number>, tries = 20): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < tries && least >= bound; attempt++) least = Math.min(least, await measure());
  return least;
}

/**
 * For what is to lie between bounds, or more than one number: measures until it is as promised, and gives the last that was measured.
 * What `measure` throws is a failure at once.
 */
export async function calmOne<T>(measure: () => Promise<T>, isAsPromised: (measured: T) => boolean, tries = 20): Promise<T> {
  for (let left = tries; ; left--) {
    const measured = await measure();
    if (left <= 1 || isAsPromised(measured)) return measured;
  }
}

/** How long `work` takes, milliseconds. */
export async function durationOf(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
