/** What every visitor sees alike, worked out once for all of them: a thousand requests a second cost what two do. */
import type { Clock } from "../../core/clock.ts";
import type { Duration } from "../../core/options.ts";
import type { SeriesName } from "../series.ts";
import type { DashboardSource } from "./dashboard-source.ts";
import { healthOf } from "./health.ts";
import type { WireHealth, WireHistory, WireState } from "./wire.ts";

/** For so long an answer is given again. */
const FRESH_MS = 500;
/** Of the strip of figures. */
const SUMMARY_PERIOD = "1h";
const MAX_REMEMBERED = 200;

export class LiveState {
  readonly #source: DashboardSource;
  readonly #clock: Clock;
  readonly #remembered = new Map<string, { readonly until: number; readonly value: Promise<unknown> }>();

  constructor(source: DashboardSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  state(): Promise<WireState> {
    return this.#once("state", async () => {
      const { metrics, alerts, events } = this.#source;
      const [snapshot, summary] = await Promise.all([metrics.snapshot(), metrics.summary(SUMMARY_PERIOD)]);
      const firing = (alerts?.status() ?? []).filter(({ phase }) => phase === "firing").length;
      return { at: this.#clock.now(), metrics: snapshot, summary, firing, newest: events?.newest ?? 0 };
    });
  }

  health(): Promise<WireHealth> {
    return this.#once("health", async () => {
      const { metrics } = await this.state();
      return healthOf(metrics, await this.#source.health?.());
    });
  }

  /** Several series, aligned: where one has no point, there is `null`. */
  history(names: readonly SeriesName[], period: Duration): Promise<WireHistory> {
    return this.#once(`history ${period} ${names.join(" ")}`, async () => {
      const { metrics } = this.#source;
      const known = new Set((await metrics.series()).map(({ name }) => name));
      const lines = await Promise.all(names.filter((name) => known.has(name)).map((name) => metrics.history(name, period)));
      const at = [...new Set(lines.flatMap(({ points }) => points.map((point) => point.at)))].toSorted(
        (one, other) => one - other,
      );
      const series = lines.map(({ name, points }): [string, (number | null)[]] => {
        const values = new Map(points.map((point) => [point.at, point.value]));
        return [name, at.map((time) => values.get(time) ?? null)];
      });
      return { stepMs: lines[0]?.stepMs ?? 1_000, at, series: Object.fromEntries(series) };
    });
  }

  #once<T>(name: string, work: () => Promise<T>): Promise<T> {
    const now = this.#clock.monotonic();
    const known = this.#remembered.get(name);
    if (known !== undefined && known.until > now) return known.value as Promise<T>;
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    const value = work();
    this.#remembered.set(name, { until: now + FRESH_MS, value });
    return value;
  }
}
