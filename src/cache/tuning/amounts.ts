/** Amounts as people read them. */

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

export function bytesText(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  while (amount >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit++;
  }
  // Three digits: what differs by a fiftieth, the least step of a size, looks different.
  const digits = unit === 0 || amount >= 100 ? 0 : amount >= 10 ? 1 : 2;
  return `${Number(amount.toFixed(digits))} ${UNITS[unit]}`;
}

const SPANS: readonly (readonly [number, string])[] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
];

export function durationText(ms: number | undefined): string {
  if (ms === undefined) return "no end";
  const [span, unit] = SPANS.find(([length]) => ms >= length) ?? [1, "ms"];
  return `${Number((ms / span).toFixed(2))} ${unit}`;
}

/** Points of hit rate, from a share. */
export function pointsText(share: number): string {
  const points = (share * 100).toFixed(1);
  return `${share > 0 ? "+" : ""}${points} points`;
}

export function percentText(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
