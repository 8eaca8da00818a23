import type { MetricsSnapshot } from "../metrics-snapshot.ts";
import type { WireHealth } from "./wire.ts";

type Part = WireHealth["parts"][number];

/** Above this the disk is nearly full, and a tier on it stops taking entries. */
const FULL_DISK = 0.95;
const LONG_LAG_MS = 60_000;

/** How each part is, from what metrics tell and what the parts say of themselves. One part that is down makes the whole degraded. */
export function healthOf(metrics: MetricsSnapshot, told: readonly Part[] = []): WireHealth {
  const tiers = metrics.tiers.map((tier): Part => {
    const detail = `${(tier.availability * 100).toFixed(2)} %, ${tier.faults} faults`;
    return { name: tier.name, status: tier.state === "on" ? "ok" : "down", detail };
  });
  const parts: Part[] = [
    ...tiers,
    ...metrics.semantic.off.map((part): Part => ({
      name: `semantic.${part}`,
      status: "down",
      detail: "not asked at the moment",
    })),
    ...metrics.rerank.off.map((name): Part => ({ name, status: "down", detail: "circuit open" })),
  ];
  const { disk } = metrics.process;
  if (disk !== null) {
    const detail = `${(disk.usedShare * 100).toFixed(1)} % used`;
    parts.push({ name: "disk space", status: disk.usedShare >= FULL_DISK ? "degraded" : "ok", detail });
  }
  const { lagMs, deadLetters, appends } = metrics.history;
  if (appends > 0 || deadLetters > 0 || lagMs > 0) {
    const isLate = lagMs > LONG_LAG_MS || deadLetters > 0;
    const detail = `${Math.round(lagMs)} ms behind, ${deadLetters} set aside`;
    parts.push({ name: "history", status: isLate ? "degraded" : "ok", detail });
  }
  parts.push(...told);
  return { status: parts.every(({ status }) => status === "ok") ? "ok" : "degraded", parts };
}
