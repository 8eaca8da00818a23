import type { TieredCache } from "../cache/tiered-cache.ts";
import type { Clock } from "../core/clock.ts";
import { StrataConfigError } from "../core/errors.ts";
import type { ConversationStore } from "../history/conversation-store.ts";
import type { DashboardSource } from "../observability/dashboard/dashboard-source.ts";
import type { Dashboard, DashboardOptions } from "../observability/dashboard/start-dashboard.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { RecentEvents } from "../observability/recent-events.ts";
import type { Alerts } from "../observability/alerts.ts";
import type { PartHealth } from "./health.ts";

export interface DashboardsOptions {
  readonly metrics: Metrics | undefined;
  readonly events: RecentEvents | undefined;
  readonly alerts: Alerts | undefined;
  readonly health: () => Promise<readonly PartHealth[]>;
  readonly cache: TieredCache;
  readonly conversations: ConversationStore;
  readonly clock: Clock;
}

/** The dashboards that a system has opened. The server is loaded with the first one. */
export class Dashboards {
  readonly #options: DashboardsOptions;
  readonly #open = new Set<Dashboard>();

  constructor(options: DashboardsOptions) {
    this.#options = options;
  }

  async start(options: Omit<DashboardOptions, keyof DashboardSource | "clock">): Promise<Dashboard> {
    const { metrics, health, ...source } = this.#options;
    if (metrics === undefined)
      throw new StrataConfigError("observability.metrics", false, "true, for a dashboard to have what to show");
    const { startDashboard } = await import("../observability/dashboard/start-dashboard.ts");
    const dashboard = await startDashboard({
      ...{ ...options, ...source, metrics },
      health: async () =>
        (await health()).map(({ part, ok, message = "" }) => ({ name: part, status: ok ? "ok" : "down", detail: message })),
    });
    this.#open.add(dashboard);
    return dashboard;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((dashboard) => dashboard.close()));
  }
}
