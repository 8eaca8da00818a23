/** Where one call spends itself: its time, the processor's, the event loop's, the memory's. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseClock, parseCount, refuseUnknown } from "../core/options.ts";
import { StrataConfigError } from "../core/errors.ts";
import type { Clock } from "../core/clock.ts";
import type { BenchTiming } from "./bench-report.ts";
import { timingOf, type BenchCase } from "./benchmark.ts";

export interface ProfileOptions {
  /** Default 100. */
  readonly iterations?: number | undefined;
  /** Default 10. */
  readonly warmup?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For tests; default the machine's. */
  readonly clock?: Clock | undefined;
}

export interface Profile extends BenchTiming {
  /** Of the processor, all threads of this process, ms a call. */
  readonly cpuMs: number;
  /** Longest time that the event loop was held up, ms; the timer's own grain of 1 ms included. */
  readonly longestBlockMs: number;
  /** Growth of the heap over all calls, bytes; garbage that is not yet collected included. */
  readonly heapBytes: number;
  /** Resident memory at the end, bytes. */
  readonly residentBytes: number;
}

/** Calls a function again and again, one at a time. @throws {@link StrataConfigError}; what the function throws */
export async function profile(name: string, run: BenchCase, options: ProfileOptions = {}): Promise<Profile> {
  refuseUnknown("profile", options, ["iterations", "warmup", "signal", "clock"]);
  if (typeof run !== "function") throw new StrataConfigError("run", run, "a function");
  const iterations = parseCount("profile.iterations", options.iterations ?? 100);
  const warmup = parseCount("profile.warmup", options.warmup ?? 10, 0);
  const clock = parseClock(options.clock);
  for (let call = 0; call < warmup; call++) await run(call);
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const heap = process.memoryUsage().heapUsed;
  const cpu = process.cpuUsage();
  const taken: number[] = [];
  try {
    for (let call = 0; call < iterations; call++) {
      options.signal?.throwIfAborted();
      const start = clock.monotonic();
      await run(warmup + call);
      taken.push(clock.monotonic() - start);
      // The delay of the loop is read once it turns.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    delays.disable();
  }
  const used = process.cpuUsage(cpu);
  const { heapUsed, rss } = process.memoryUsage();
  const timing = timingOf(name, [taken], 0);
  return {
    ...{ ...timing, ratio: 1 },
    cpuMs: (used.user + used.system) / 1_000 / iterations,
    // Without a single reading the histogram gives its own bounds.
    longestBlockMs: delays.count === 0 ? 0 : delays.max / 1e6,
    ...{ heapBytes: heapUsed - heap, residentBytes: rss },
  };
}
