/** A bar for the terminal's one line of progress: `████████░░░░░░░░  50 %`. */
const WIDTH = 24;

/** @param done at most `total`; of nothing, the bar is full */
export function progressBar(done: number, total: number): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const full = Math.floor(share * WIDTH);
  return `${"█".repeat(full)}${"░".repeat(WIDTH - full)} ${String(Math.floor(share * 100)).padStart(3)} %`;
}
