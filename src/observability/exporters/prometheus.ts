/**
 * Metrics for Prometheus, through `prom-client`: beside an application's own metrics in its registry, or in one of their own.
 *
 * Nothing is counted here. A scrape reads a snapshot, which is taken once for all scrapes within a moment: whoever scrapes a thousand
 * times a second gets the same text a thousand times.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Registry, type Metric } from "prom-client";
import type { Clock } from "../../core/clock.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { parseClock, parseDuration, refuseUnknown, requireMethods, type Duration } from "../../core/options.ts";
import type { Metrics } from "../metrics.ts";
import { durationsOf, readingsOf, type DurationReading, type Reading } from "../readings.ts";

export interface PrometheusOptions {
  /** Where the metrics are entered; default a registry of their own. It stays the caller's. */
  readonly registry?: Registry | undefined;
  /** Begins every name; default `"strata_"`. */
  readonly prefix?: string | undefined;
  /** A scrape's text is kept for so long; default `"1s"`. */
  readonly cacheFor?: Duration | undefined;
  readonly clock?: Clock | undefined;
}

export interface PrometheusExporter {
  readonly registry: Registry;
  readonly contentType: string;
  /** What a scrape gets: everything in the registry. */
  text(): Promise<string>;
  /** For `node:http` and what is built on it: answers `GET` and `HEAD`. Who may ask is the server's matter. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  /** Takes the metrics out of the registry. May be called twice. */
  close(): void;
}

interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}

/**
 * Bounds of the histograms, as powers of two of a microsecond: 1 µs to 16.8 s. At these the counts are exact, which they would not be at
 * round numbers, since they are edges of our own buckets.
 */
const OCTAVES: readonly number[] = Array.from({ length: 25 }, (_, octave) => octave);

/**
 * Enters metrics into a registry.
 * @throws {@link StrataConfigError} naming the option
 * @example
 * ```ts
 * const exporter = prometheus(metrics);
 * createServer(exporter.handler).listen(9464, "127.0.0.1");
 * ```
 */
export function prometheus(metrics: Metrics, options: PrometheusOptions = {}): PrometheusExporter {
  requireMethods("prometheus", metrics ?? null, ["snapshot", "durations"], "metrics, as createMetrics() gives them");
  refuseUnknown("prometheus", options, ["registry", "prefix", "cacheFor", "clock"]);
  const { registry = new Registry(), prefix = "strata_" } = options;
  requireMethods("prometheus.registry", registry, ["registerMetric", "metrics"], "a Registry of prom-client");
  if (typeof prefix !== "string" || !/^[a-zA-Z_][a-zA-Z0-9_]{0,60}$/.test(prefix)) {
    throw new StrataConfigError("prometheus.prefix", prefix, "letters, digits and _, no digit first");
  }
  const clock = parseClock(options.clock);
  const cacheMs = parseDuration("prometheus.cacheFor", options.cacheFor ?? "1s");

  const latest = remember(clock, cacheMs, () => ({
    plain: new Map(readingsOf(metrics.snapshot()).map((reading) => [reading.name, reading])),
    durations: new Map(durationsOf(metrics).map((reading) => [reading.name, reading])),
  }));
  const names: string[] = [];
  function enter(reading: { readonly name: string; readonly help: string }, type: string, samples: () => Sample[]): void {
    const name = `${prefix}${reading.name}`;
    const metric = { name, help: reading.help, type, aggregator: "sum", reset: () => undefined };
    // What a registry asks of a metric; its own classes count by themselves, and would have to be kept equal to what was counted.
    const get = (): Promise<object> => Promise.resolve({ ...metric, values: samples() });
    registry.registerMetric({ ...metric, get } as unknown as Metric);
    names.push(name);
  }
  for (const reading of latest().plain.values()) {
    enter(reading, reading.type, () => samplesOf(latest().plain.get(reading.name)));
  }
  for (const reading of latest().durations.values()) {
    enter(reading, "histogram", () => bucketsOf(`${prefix}${reading.name}`, latest().durations.get(reading.name)));
  }
  const text = remember(clock, cacheMs, () => registry.metrics());

  return {
    registry,
    get contentType() {
      return registry.contentType;
    },
    text,
    handler(request, response) {
      if (request.method !== "GET" && request.method !== "HEAD") {
        response.writeHead(405, { allow: "GET, HEAD" }).end();
        return;
      }
      text().then(
        (body) => {
          response.writeHead(200, { "content-type": registry.contentType, "cache-control": "no-store" });
          response.end(request.method === "HEAD" ? undefined : body);
        },
        // A metric of the application's own has thrown; what it says is for its log, not for whoever scrapes.
        () => response.writeHead(500).end("The metrics could not be read.\n"),
      );
    },
    close() {
      for (const name of names.splice(0)) registry.removeSingleMetric(name);
    },
  };
}

/** Makes something at most once within `ms`; what failed is made anew. */
function remember<T>(clock: Clock, ms: number, make: () => T): () => T {
  let made: { readonly value: T; readonly at: number } | undefined;
  return () => {
    if (made === undefined || clock.monotonic() - made.at >= ms) {
      const fresh = { value: make(), at: clock.monotonic() };
      made = fresh;
      if (fresh.value instanceof Promise) fresh.value.catch(() => made === fresh && (made = undefined));
    }
    return made.value;
  };
}

function samplesOf(reading: Reading | undefined): Sample[] {
  return [...(reading?.values ?? [])];
}

function bucketsOf(name: string, reading: DurationReading | undefined): Sample[] {
  if (reading === undefined) return [];
  return [...reading.histograms].flatMap(([label, histogram]) => {
    // Strategies that are never used would be most of what is sent.
    if (reading.label !== undefined && histogram.count === 0) return [];
    const labels: Record<string, string> = reading.label === undefined ? {} : { [reading.label]: label };
    const bucket = (le: number | string, value: number): Sample => ({
      metricName: `${name}_bucket`,
      labels: { le, ...labels },
      value,
    });
    return [
      ...OCTAVES.map((octave) => bucket(2 ** octave / 1e6, histogram.countBelow(octave))),
      bucket("+Inf", histogram.count),
      { metricName: `${name}_sum`, labels, value: histogram.sum / 1000 },
      { metricName: `${name}_count`, labels, value: histogram.count },
    ];
  });
}
