/** A table for the terminal: columns as wide as their widest cell; those that hold numbers, to the right. */
export function formatTable(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const columns = head.map((title, index) => {
    const cells = rows.map((row) => row[index] ?? "");
    const isNumeric = index > 0 && cells.every((cell) => cell === "" || /^[\d.-]/.test(cell));
    return { width: Math.max(title.length, ...cells.map((cell) => cell.length)), isNumeric };
  });
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ width, isNumeric }, index) =>
        isNumeric ? (cells[index] ?? "").padStart(width) : (cells[index] ?? "").padEnd(width),
      )
      .join("  ")
      .trimEnd();
  return [line(head), columns.map(({ width }) => "─".repeat(width)).join("  "), ...rows.map(line)].join("\n");
}

/** A duration as people read it: `12 µs`, `0.42 ms`, `38 ms`, `1.9 s`. */
export function formatMs(ms: number): string {
  if (ms < 0.1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Cuts a text to a width, with an ellipsis. */
export function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** A size as people read it: `812 B`, `4.2 KB`, `1.5 GB`, in powers of 1024. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const amount = bytes / 1024 ** power;
  return `${power === 0 ? bytes : amount.toFixed(1)} ${units[power]}`;
}
