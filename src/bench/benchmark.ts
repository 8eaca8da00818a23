/**
 * How long things take, side by side: any chain, retriever or cache of yours. Timed by tinybench; cases take turns in rounds, so that a
 * noisy moment of the machine falls on all alike, and medians are compared, which one slow call does not move.
 */
import { cpus, totalmem } from "node:os";
import { StrataConfigError } from "../core/errors.ts";
import { parseClock, parseCount, refuseUnknown } from "../core/options.ts";
import type { Clock } from "../core/clock.ts";
import type { BenchMachine, BenchReport, BenchTiming } from "./bench-report.ts";

/** What is timed: one call, awaited. It is given the number of the call, from 0. */
export type BenchCase = (call: number) => unknown;

export interface BenchmarkOptions {
  readonly title?: string | undefined;
  /** Timed calls of each case; default 200. */
  readonly iterations?: number | undefined;
  /** Calls of each case before that; default a tenth of `iterations`. */
  readonly warmup?: number | undefined;
  /** Turns that the cases take; default 5. */
  readonly rounds?: number | undefined;
  /** Ends it: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?:
    | ((progress: { readonly done: number; readonly total: number; readonly name: string }) => void)
    | undefined;
  /** For tests; default the machine's. */
  readonly clock?: Clock | undefined;
}

/** Beyond this the mean is not known to a digit. */
const WIDE_MARGIN_PERCENT = 5;
/** Of the medians of the rounds: the machine was not the same for all. */
const DRIFT = 1.3;
const FEW_SAMPLES = 50;

/**
 * Times the cases, and gives the report.
 * @param cases by name; the first is what the others are compared with
 * @throws {@link StrataConfigError} naming the option; what a case throws
 * @example
 * ```ts
 * const report = await benchmark({ plain: () => chain.invoke(q), cached: () => cachedChain.invoke(q) });
 * console.log(renderBenchText(report));
 * ```
 */
export async function benchmark(
  cases: Readonly<Record<string, BenchCase>>,
  options: BenchmarkOptions = {},
): Promise<BenchReport> {
  refuseUnknown("benchmark", options, ["title", "iterations", "warmup", "rounds", "signal", "onProgress", "clock"]);
  const names = Object.keys(cases);
  if (names.length === 0) throw new StrataConfigError("cases", cases, "functions by name, at least one");
  for (const [name, run] of Object.entries(cases)) {
    if (typeof run !== "function") throw new StrataConfigError(`cases.${name}`, run, "a function");
  }
  const iterations = parseCount("benchmark.iterations", options.iterations ?? 200);
  const warmup = parseCount("benchmark.warmup", options.warmup ?? Math.ceil(iterations / 10), 0);
  const rounds = Math.min(iterations, parseCount("benchmark.rounds", options.rounds ?? 5));
  const clock = parseClock(options.clock);
  const { signal, onProgress } = options;
  const { Bench } = await import("tinybench");
  const taken = new Map<string, number[][]>(names.map((name) => [name, []]));
  const counts = new Map<string, number>(names.map((name) => [name, 0]));
  for (let round = 0; round < rounds; round++) {
    const share = Math.floor(iterations / rounds) + (round < iterations % rounds ? 1 : 0);
    for (const [index, name] of names.entries()) {
      signal?.throwIfAborted();
      onProgress?.({ done: round * names.length + index, total: rounds * names.length, name });
      const bench = new Bench({
        ...{ iterations: share, time: 0, warmup: round === 0 && warmup > 0, warmupIterations: warmup, warmupTime: 0 },
        ...{ retainSamples: true, throws: true, now: () => clock.monotonic() },
        // One of its own: tinybench listens to it and never stops, and after ten rounds Node would warn of a leak.
        ...(signal !== undefined && { signal: AbortSignal.any([signal]) }),
      });
      bench.add(name, async () => {
        const call = counts.get(name) as number;
        counts.set(name, call + 1);
        await (cases[name] as BenchCase)(call);
      });
      await bench.run();
      signal?.throwIfAborted();
      const { result } = bench.tasks[0] ?? {};
      if (result?.state !== "completed") throw new StrataConfigError(`cases.${name}`, undefined, "a case that can be timed");
      (taken.get(name) as number[][]).push([...(result.latency.samples ?? [])]);
    }
  }
  const base = quantile(sorted((taken.get(names[0] as string) as number[][]).flat()), 0.5);
  const timings = names.map((name) => timingOf(name, taken.get(name) as number[][], base));
  return {
    version: 1,
    title: options.title ?? names.join(" / "),
    at: new Date(clock.now()).toISOString(),
    machine: thisMachine(),
    timings,
  };
}

/** The figures of one case. @param rounds what was timed, ms, round by round @param base the median that it is compared with */
export function timingOf(name: string, rounds: readonly (readonly number[])[], base: number): BenchTiming {
  const all = sorted(rounds.flat());
  const mean = all.reduce((sum, ms) => sum + ms, 0) / all.length;
  const variance = all.reduce((sum, ms) => sum + (ms - mean) ** 2, 0) / Math.max(1, all.length - 1);
  // By the normal distribution: for fewer than some 30 it is too narrow, and they are warned of anyway.
  const marginPercent = mean === 0 ? 0 : ((1.96 * Math.sqrt(variance / all.length)) / mean) * 100;
  const medians = rounds.filter((round) => round.length > 0).map((round) => quantile(sorted(round), 0.5));
  const [least, most] = [Math.min(...medians), Math.max(...medians)];
  const p50 = quantile(all, 0.5);
  return {
    ...{ name, samples: all.length, mean, p50, p95: quantile(all, 0.95), p99: quantile(all, 0.99) },
    ...{
      min: all[0] ?? Number.NaN,
      max: all.at(-1) ?? Number.NaN,
      marginPercent,
      perSecond: mean === 0 ? Infinity : 1_000 / mean,
    },
    ratio: p50 === 0 ? 1 : base / p50,
    warnings: [
      ...(all.length < FEW_SAMPLES ? [`only ${all.length} calls: percentiles are rough`] : []),
      ...(marginPercent > WIDE_MARGIN_PERCENT ? [`noisy: the mean is known to ± ${marginPercent.toFixed(0)} %`] : []),
      ...(least > 0 && most / least > DRIFT
        ? [`unsteady: the median of a round moved by ${((most / least - 1) * 100).toFixed(0)} %`]
        : []),
    ],
  };
}

export function thisMachine(): BenchMachine {
  const [cpu] = cpus();
  return {
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpu?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryBytes: totalmem(),
  };
}

function sorted(numbers: readonly number[]): number[] {
  return numbers.toSorted((a, b) => a - b);
}

/** By linear interpolation between the two nearest. @param ordered ascending */
function quantile(ordered: readonly number[], share: number): number {
  const place = share * (ordered.length - 1);
  const [low, high] = [ordered[Math.floor(place)] ?? Number.NaN, ordered[Math.ceil(place)] ?? Number.NaN];
  return low + (high - low) * (place - Math.floor(place));
}
