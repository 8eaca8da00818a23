/**
 * The history of numbers in constant memory: rings of slots, one ring for each resolution. A slot knows when it ended and how long it
 * was, so that a process that was held up for seconds has one long slot and no invented ones; rates are per second of the slot.
 *
 * Counters are kept as what was added within the slot, gauges as their mean over time, durations as the quantiles of those that fell
 * into the slot (never as means of quantiles, which mean nothing).
 */
import type { Clock } from "../core/clock.ts";
import type { Histogram } from "../core/histogram.ts";

export interface Resolution {
  readonly stepMs: number;
  readonly slots: number;
}

type Channel =
  | { readonly kind: "counter"; readonly read: () => number }
  | { readonly kind: "gauge"; readonly read: () => number }
  | { readonly kind: "quantiles"; readonly read: () => Histogram; readonly names: ReadonlyArray<readonly [string, number]> };

/** A stretch of time, with what is known of it. */
export interface Slot {
  /** On the monotonic clock. */
  readonly end: number;
  readonly ms: number;
  /** `NaN` where nothing is known. */
  get(column: string): number;
}

/** A slot may close so much before its time: timers are not exact, and a late one must not skip a step. */
const SLACK = 0.01;

class Ring {
  readonly stepMs: number;
  readonly slots: number;
  readonly #ends: Float64Array;
  readonly #lengths: Float64Array;
  readonly #columns = new Map<string, Float64Array>();
  #closed = 0;
  #openedAt: number;
  /** As they stood when the open slot began. */
  readonly #totals = new Map<string, number>();
  readonly #histograms = new Map<string, Histogram>();
  /** Value times milliseconds, and the milliseconds. */
  readonly #gauges = new Map<string, { sum: number; weight: number; last: number }>();

  constructor({ stepMs, slots }: Resolution, now: number) {
    this.stepMs = stepMs;
    this.slots = slots;
    this.#ends = new Float64Array(slots);
    this.#lengths = new Float64Array(slots);
    this.#openedAt = now;
  }

  sample(
    now: number,
    elapsed: number,
    channels: ReadonlyMap<string, Channel>,
    values: ReadonlyMap<string, number | Histogram>,
  ): void {
    for (const [name, { kind }] of channels) {
      if (kind !== "gauge") continue;
      const value = values.get(name) as number;
      if (Number.isNaN(value)) continue;
      const gauge = this.#gauges.get(name) ?? { sum: 0, weight: 0, last: value };
      gauge.sum += value * elapsed;
      gauge.weight += elapsed;
      gauge.last = value;
      this.#gauges.set(name, gauge);
    }
    if (now - this.#openedAt < this.stepMs * (1 - SLACK)) return;
    const at = this.#closed % this.slots;
    this.#ends[at] = now;
    this.#lengths[at] = now - this.#openedAt;
    for (const column of this.#columns.values()) column[at] = Number.NaN;
    for (const [name, channel] of channels) {
      for (const [column, value] of this.#open(name, channel, values.get(name) as number | Histogram)) {
        this.#column(column)[at] = value;
      }
      if (channel.kind === "counter") this.#totals.set(name, values.get(name) as number);
      if (channel.kind === "quantiles") this.#histograms.set(name, values.get(name) as Histogram);
    }
    this.#gauges.clear();
    this.#closed++;
    this.#openedAt = now;
  }

  /** Those that ended after `from`, oldest first, and the one that is not over yet. */
  after(from: number, now: number, channels: ReadonlyMap<string, Channel>): Slot[] {
    const found: Slot[] = [];
    for (let index = Math.max(0, this.#closed - this.slots); index < this.#closed; index++) {
      const at = index % this.slots;
      const end = this.#ends[at] as number;
      if (end <= from) continue;
      found.push({ end, ms: this.#lengths[at] as number, get: (column) => this.#columns.get(column)?.[at] ?? Number.NaN });
    }
    if (now > this.#openedAt && now > from) {
      const values = new Map<string, number>();
      for (const [name, channel] of channels) {
        for (const [column, value] of this.#open(name, channel, channel.read())) values.set(column, value);
      }
      found.push({ end: now, ms: now - this.#openedAt, get: (column) => values.get(column) ?? Number.NaN });
    }
    return found;
  }

  /** What the open slot holds of a channel. */
  *#open(name: string, channel: Channel, value: number | Histogram): Iterable<readonly [string, number]> {
    if (channel.kind === "counter") yield [name, (value as number) - (this.#totals.get(name) ?? 0)];
    else if (channel.kind === "gauge") {
      const gauge = this.#gauges.get(name);
      yield [name, gauge === undefined ? (value as number) : gauge.weight > 0 ? gauge.sum / gauge.weight : gauge.last];
    } else {
      const earlier = this.#histograms.get(name);
      const recorded = earlier === undefined ? (value as Histogram) : (value as Histogram).since(earlier);
      for (const [column, q] of channel.names) yield [column, recorded.quantile(q) ?? Number.NaN];
    }
  }

  #column(name: string): Float64Array {
    let column = this.#columns.get(name);
    if (column === undefined) {
      column = new Float64Array(this.slots).fill(Number.NaN);
      this.#columns.set(name, column);
    }
    return column;
  }
}

export class Recorder {
  readonly #clock: Clock;
  readonly #rings: readonly Ring[];
  readonly #channels = new Map<string, Channel>();
  readonly #began: number;
  #sampledAt: number;

  /** @param resolutions the finest first */
  constructor(clock: Clock, resolutions: readonly Resolution[]) {
    this.#clock = clock;
    this.#began = clock.monotonic();
    this.#sampledAt = this.#began;
    this.#rings = resolutions.map((resolution) => new Ring(resolution, this.#began));
  }

  has(name: string): boolean {
    return this.#channels.has(name);
  }

  /** @param read gives a total that only grows */
  counter(name: string, read: () => number): void {
    this.#channels.set(name, { kind: "counter", read });
  }

  /** @param read gives what is there now; `NaN` when it is not known */
  gauge(name: string, read: () => number): void {
    this.#channels.set(name, { kind: "gauge", read });
  }

  /** @param read gives a copy of all durations so far; `names` are columns with the quantile that each holds */
  quantiles(name: string, read: () => Histogram, names: ReadonlyArray<readonly [string, number]>): void {
    this.#channels.set(name, { kind: "quantiles", read, names });
  }

  /** Takes every number once. */
  sample(): void {
    const now = this.#clock.monotonic();
    const elapsed = now - this.#sampledAt;
    this.#sampledAt = now;
    const values = new Map<string, number | Histogram>();
    for (const [name, channel] of this.#channels) values.set(name, channel.read());
    for (const ring of this.#rings) ring.sample(now, elapsed, this.#channels, values);
  }

  /** The slots of the last `periodMs`, from the finest ring that reaches back so far, or to the beginning. */
  window(periodMs: number): { readonly stepMs: number; readonly now: number; readonly slots: readonly Slot[] } {
    const now = this.#clock.monotonic();
    const reach = Math.min(periodMs, now - this.#began);
    const ring = this.#rings.find(({ stepMs, slots }) => stepMs * slots >= reach) ?? this.#rings.at(-1);
    if (ring === undefined) return { stepMs: periodMs, now, slots: [] };
    return { stepMs: ring.stepMs, now, slots: ring.after(now - periodMs, now, this.#channels) };
  }
}
