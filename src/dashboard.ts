/** `langchain-strata/dashboard`: the web dashboard, for what is not made by `createStrata`. */
export { startDashboard, type Dashboard, type DashboardOptions } from "./observability/dashboard/start-dashboard.ts";
export type { DashboardSource, ReadableMetrics } from "./observability/dashboard/dashboard-source.ts";
export type { WireHealth } from "./observability/dashboard/wire.ts";
export { shareMetrics, type MetricsShare, type ShareMetricsOptions } from "./observability/terminal/metrics-socket.ts";
export {
  shareMetricsInRedis,
  type RedisMetricsShare,
  type ShareMetricsInRedisOptions,
} from "./observability/terminal/metrics-in-redis.ts";
export type { HistogramParts } from "./core/histogram.ts";
export type { ShareableMetrics } from "./observability/terminal/shared-line.ts";
export type { SharedMetrics } from "./observability/terminal/shared-metrics.ts";
export {
  recentEvents,
  type Numbered,
  type RecentDecision,
  type RecentEvents,
  type RecentEventsOptions,
  type RecentIncident,
  type RecentReport,
  type RecentRerank,
} from "./observability/recent-events.ts";
