const EVERY_MS = 10;
/** As long as the longest deadline that is measured beside it. What waits for one is held up by all that comes meanwhile, not by one alone. */
const TOGETHER = 12;
/** What a timer is late on a machine that has nothing else to do. */
const USUAL_MS = 2;

/**
 * Measures how late timers are on this machine while a test runs, so that a promise about deadlines is not broken by other work:
 * `const late = timerLateness(); …; expect(ms).toBeLessThan(promised + late())`.
 * @returns ends the measuring, and gives how late timers were at the worst, ms: together, of those that followed each other within a
 *   deadline
 */
export function timerLateness(): () => number {
  const last: number[] = [];
  let worst = 0;
  let due = performance.now() + EVERY_MS;
  const note = (): void => {
    const now = performance.now();
    last.push(Math.max(0, now - due - USUAL_MS));
    if (last.length > TOGETHER) last.shift();
    worst = Math.max(
      worst,
      last.reduce((sum, late) => sum + late, 0),
    );
    due = now + EVERY_MS;
  };
  const timer = setInterval(note, EVERY_MS);
  return () => {
    clearInterval(timer);
    // What is late at this moment has not been told yet.
    note();
    return worst;
  };
}
