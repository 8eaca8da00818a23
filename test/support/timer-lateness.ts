/**
 * Measures how late timers are on this machine while a test runs, so that a promise about deadlines is not broken by other work:
 * `const late = timerLateness(); …; expect(ms).toBeLessThan(promised + late())`.
 * @returns ends the measuring, and gives the largest lateness seen, ms
 */
export function timerLateness(): () => number {
  const EVERY_MS = 10;
  let worst = 0;
  let due = performance.now() + EVERY_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    worst = Math.max(worst, now - due);
    due = now + EVERY_MS;
  }, EVERY_MS);
  return () => {
    clearInterval(timer);
    return worst;
  };
}
