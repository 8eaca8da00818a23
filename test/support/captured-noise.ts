import { onTestFinished, vi } from "vitest";

/**
 * Catches, until the end of the running test, all that is written to standard output and standard error, by `console`,
 * directly, or as a process warning. A library has no business there: `expect(noise).toEqual([])`.
 * @returns the texts so far, oldest first; it grows as more is written
 */
export function capturedNoise(): readonly string[] {
  const noise: string[] = [];
  for (const method of ["debug", "error", "info", "log", "trace", "warn"] as const) {
    vi.spyOn(console, method).mockImplementation((...words: unknown[]) => void noise.push(words.map(String).join(" ")));
  }
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, "write").mockImplementation((chunk) => noise.push(String(chunk)) > 0);
  }
  onTestFinished(() => void vi.restoreAllMocks());
  return noise;
}
