/**
 * Side-by-side timing. All contenders run in one process, in rounds that alternate between them, so that a noisy minute of the
 * machine hits all alike; results are ratios of medians, with the 99th percentile beside.
 */
import { cpus, totalmem } from "node:os";

export interface Contender<I> {
  readonly name: string;
  /** One timed call, given an input made for it alone. */
  run(input: I, index: number): unknown;
}

export interface Timing {
  readonly name: string;
  /** Microseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly samples: number;
}

export interface RaceOptions<I> {
  readonly rounds: number;
  readonly callsPerRound: number;
  /** Makes the input of one call; not timed. Every call gets a string object of its own, as a server gets from its callers. */
  input(index: number): I;
  /** Awaited after each round of each contender, not timed: what one has put off is not done in the time of the next. */
  settle?(): Promise<unknown>;
}

/** Times the contenders in alternating rounds; the first round of each is warm-up. */
export async function race<I>(contenders: readonly Contender<I>[], options: RaceOptions<I>): Promise<Timing[]> {
  const samples = contenders.map(() => [] as number[]);
  for (let round = 0; round <= options.rounds; round++) {
    for (const [which, contender] of contenders.entries()) {
      const inputs = Array.from({ length: options.callsPerRound }, (_, index) => options.input(index));
      for (const [index, input] of inputs.entries()) {
        const start = performance.now();
        await contender.run(input, index);
        const elapsed = performance.now() - start;
        if (round > 0) samples[which]?.push(elapsed * 1000);
      }
      await options.settle?.();
    }
  }
  return contenders.map(({ name }, which) => summarize(name, samples[which] ?? []));
}

export function summarize(name: string, micros: readonly number[]): Timing {
  const sorted = micros.toSorted((a, b) => a - b);
  const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
  return { name, p50: at(0.5), p99: at(0.99), samples: sorted.length };
}

/** A table in Markdown, ready for `benchmarks/README.md`. */
export function table(title: string, timings: readonly Timing[], against: string): string {
  const base = timings.find(({ name }) => name === against);
  const rows = timings.map(({ name, p50, p99 }) => {
    const ratio = base === undefined ? "" : `${(p50 / base.p50).toFixed(2)}x`;
    return `| ${name} | ${p50.toFixed(2)} | ${p99.toFixed(1)} | ${ratio} |`;
  });
  return [`### ${title}`, "", `| | p50 µs | p99 µs | of ${against} |`, "| --- | --- | --- | --- |", ...rows, ""].join("\n");
}

/** Date, machine and versions: what a figure means nothing without. */
export function provenance(): string {
  const cpu = cpus()[0]?.model.trim() ?? "unknown processor";
  const memory = Math.round(totalmem() / 2 ** 30);
  const date = new Date().toISOString().slice(0, 10);
  return `${date}, Node ${process.versions.node}, ${cpus().length} cores (${cpu}), ${memory} GiB, ${process.platform}`;
}

/** Prose of about `bytes` bytes that no other seed gives. */
export function prose(bytes: number, seed: string): string {
  const words = "the model answers slowly when a question is long and repeated often so a cache keeps what it said before".split(
    " ",
  );
  let text = `${seed} `;
  for (let index = 0; text.length < bytes; index++) text += `${words[(index * 7 + seed.length) % words.length]} `;
  return text.slice(0, bytes);
}

/** The same text in a string object of its own, flat and not hashed yet. */
export function fresh(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}
