/** What a soak measures of its own process, and what is made of it. */
import { readdirSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const MB = 1024 ** 2;

/** The process at a quiet moment: nothing is asked, every fault is healed, garbage is collected. */
export interface SoakSample {
  readonly minute: number;
  /** MB. */
  readonly heap: number;
  readonly rss: number;
  readonly external: number;
  readonly arrayBuffers: number;
  /** Sockets, timers and the like that keep the process alive. */
  readonly handles: number;
  readonly descriptors: number;
  /** The event loop's delay since the sample before, ms. */
  readonly delayP99: number;
  readonly delayMax: number;
  /** Since the sample before. */
  readonly requests: number;
  /** Errors that a caller got and that the documents do not allow, since the sample before. */
  readonly errors: number;
}

export interface SoakBounds {
  /** MB in ten minutes, by least squares over the samples after the warm-up. */
  readonly heapSlope: number;
  /** How many more handles, and descriptors, the last third may have than the first one after the warm-up, by their medians. */
  readonly handles: number;
}

/** The promise: see `docs/promises.md`. A pool may hold one connection more or less at a given moment. */
export const PROMISED: SoakBounds = { heapSlope: 1, handles: 2 };

export class SoakProbe {
  readonly #startedAt = performance.now();
  readonly #delay = monitorEventLoopDelay({ resolution: 10 });

  constructor() {
    if (globalThis.gc === undefined) throw new Error("The heap is measured after a collection: start node with --expose-gc");
    this.#delay.enable();
  }

  async sample(counts: { readonly requests: number; readonly errors: number }): Promise<SoakSample> {
    const [delayP99, delayMax] = [this.#delay.percentile(99) / 1e6, this.#delay.max / 1e6];
    // What finalizers let go of is collected the next time; nothing may come between the last collection and the reading.
    for (let round = 0; round < 3; round++) {
      globalThis.gc?.();
      await new Promise((go) => setTimeout(go, 20));
    }
    globalThis.gc?.();
    const { heapUsed, rss, external, arrayBuffers } = process.memoryUsage();
    this.#delay.reset();
    return {
      minute: (performance.now() - this.#startedAt) / 60_000,
      ...{ heap: heapUsed / MB, rss: rss / MB, external: external / MB, arrayBuffers: arrayBuffers / MB },
      handles: process.getActiveResourcesInfo().filter((name) => name !== "Timeout" && name !== "Immediate").length,
      descriptors: descriptors(),
      ...{ delayP99, delayMax, ...counts },
    };
  }

  close(): void {
    this.#delay.disable();
  }
}

/** Open files of this process, where the system tells (Linux). */
function descriptors(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}

export interface SoakVerdict {
  /** MB in ten minutes. */
  readonly heapSlope: number;
  readonly handlesGrew: number;
  readonly descriptorsGrew: number;
  readonly errors: number;
  /** Sentences on what is not as promised; empty when all is. */
  readonly broken: readonly string[];
}

/** @param warm samples that are left out: caches fill, and code is compiled */
export function judge(samples: readonly SoakSample[], warm: number, bounds: SoakBounds): SoakVerdict {
  const judged = samples.slice(warm);
  const heapSlope = 10 * slope(judged.map(({ minute, heap }) => [minute, heap]));
  const third = Math.max(1, Math.floor(judged.length / 3));
  const grew = (of: (sample: SoakSample) => number): number =>
    median(judged.slice(-third).map(of)) - median(judged.slice(0, third).map(of));
  const handlesGrew = grew(({ handles }) => handles);
  const descriptorsGrew = grew((sample) => sample.descriptors);
  const errors = samples.reduce((sum, sample) => sum + sample.errors, 0);
  const broken: string[] = [];
  if (judged.length < 3) broken.push(`There are ${judged.length} samples after the warm-up; three are needed.`);
  if (!(heapSlope < bounds.heapSlope))
    broken.push(`The heap grows by ${heapSlope.toFixed(2)} MB in 10 minutes; the bound is ${bounds.heapSlope}.`);
  if (handlesGrew > bounds.handles) broken.push(`There are ${handlesGrew} handles more than at the beginning.`);
  if (descriptorsGrew > bounds.handles) broken.push(`There are ${descriptorsGrew} open files more than at the beginning.`);
  if (errors > 0) broken.push(`${errors} calls failed that may not.`);
  return { heapSlope, handlesGrew, descriptorsGrew, errors, broken };
}

/** Of the line with the least squared distance. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: 0 | 1): number => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const [over, under] = points.reduce<[number, number]>(
    (sums, point) => [sums[0] + (point[0] - x) * (point[1] - y), sums[1] + (point[0] - x) ** 2],
    [0, 0],
  );
  return over / under;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** In Markdown; of many samples, every n-th and the last. */
export function soakTable(samples: readonly SoakSample[], rows = 20): string {
  const every = Math.max(1, Math.ceil(samples.length / rows));
  const shown = samples.filter((_, index) => index % every === 0 || index === samples.length - 1);
  const lines = shown.map((sample) => {
    const sizes = [sample.heap, sample.rss, sample.external, sample.arrayBuffers].map((size) => size.toFixed(1)).join(" | ");
    const delays = `${sample.delayP99.toFixed(0)} / ${sample.delayMax.toFixed(0)}`;
    return `| ${sample.minute.toFixed(1)} | ${sizes} | ${sample.handles} | ${sample.descriptors} | ${delays} | ${sample.requests} | ${sample.errors} |`;
  });
  const head =
    "| minute | heap, MB | rss | external | array buffers | handles | open files | loop delay p99 / max, ms | requests | errors |";
  return [head, `|${" --- |".repeat(10)}`, ...lines].join("\n");
}
