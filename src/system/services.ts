/**
 * What a system does by itself for as long as it is open: its log, the page that Prometheus scrapes, what `strata top` sees, its schedule. Begun by whoever keeps
 * the system open, a program or `strata serve`; a command that looks at something and ends begins none of it.
 */
import { createWriteStream, mkdirSync, type WriteStream } from "node:fs";
import { once } from "node:events";
import { dirname } from "node:path";
import { finished } from "node:stream/promises";
import { systemClock } from "../core/clock.ts";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import type { Observer } from "../core/events.ts";
import { listen, type Listening } from "../http/listen.ts";
import { bearerOf, tokenCheck } from "../http/token.ts";
import { jsonLog } from "../observability/json-log.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { Scheduler } from "../maintenance/schedule/scheduler.ts";
import { namedUnder } from "./config/named-under.ts";
import type { CheckedConfig } from "./config/read-config.ts";
import type { LogConfig, PrometheusConfig } from "./config/strata-config.ts";
import { sharePart, type SharePart } from "./parts/share.ts";
import { maintenancePart, type MaintenancePlaces } from "./parts/maintenance.ts";

export interface ServicesOptions {
  readonly config: CheckedConfig;
  readonly metrics: Metrics | undefined;
  readonly observer: Observer | undefined;
  readonly places: MaintenancePlaces;
}

/** What can be asked of what runs. */
export interface RunningServices {
  /** Where Prometheus finds the metrics; `undefined` where the config does not say so. */
  readonly metricsUrl: string | undefined;
  /** The schedule; `undefined` where the config names no jobs. */
  readonly scheduler: Scheduler | undefined;
}

export class Services {
  readonly #options: ServicesOptions;
  #log: Observer | undefined;
  #file: WriteStream | undefined;
  #scrape: Listening | undefined;
  #share: SharePart | undefined;
  #maintenance: ReturnType<typeof maintenancePart>;
  #beginning: Promise<RunningServices> | undefined;

  constructor(options: ServicesOptions) {
    this.#options = options;
  }

  /** For the system's observer: writes to the log once that is open. */
  readonly log: Observer = (event) => this.#log?.(event);

  /** May be called twice. @throws {@link StrataConfigError} for a log that cannot be written; {@link StrataError} `UNAVAILABLE` for a port */
  begin(): Promise<RunningServices> {
    this.#beginning ??= this.#begin();
    return this.#beginning;
  }

  /** Ends what asks other parts, which are closed after it. */
  async stop(): Promise<void> {
    await this.#beginning?.catch(() => undefined);
    await Promise.all([this.#scrape?.close(), this.#share?.close(), this.#maintenance?.close()]);
  }

  /** Writes the log's last line. */
  async close(): Promise<void> {
    await this.stop();
    this.#log = undefined;
    const file = this.#file;
    if (file === undefined || file.destroyed) return;
    file.end();
    await finished(file).catch(() => undefined);
  }

  async #begin(): Promise<RunningServices> {
    const { config, metrics, observer, places } = this.#options;
    const { log, prometheus } = config.observability ?? {};
    if (log !== undefined && log !== false) await this.#openLog(typeof log === "string" ? { to: log } : log);
    let metricsUrl: string | undefined;
    if (prometheus !== undefined && prometheus !== false && metrics !== undefined) {
      metricsUrl = await this.#openScrape(metrics, prometheus === true ? {} : prometheus);
    }
    this.#share = sharePart(config, metrics);
    this.#maintenance = maintenancePart(config, places, observer);
    return { metricsUrl, scheduler: this.#maintenance?.scheduler };
  }

  async #openLog({ to, only, messages }: LogConfig): Promise<void> {
    const { clock } = this.#options.config;
    const wanted = only === undefined ? undefined : new Set<string>(only);
    const options = { clock, messages, only: wanted && ((event: { readonly type: string }) => wanted.has(event.type)) };
    if (to === "stdout" || to === "stderr") {
      this.#log = jsonLog(process[to], options);
      return;
    }
    try {
      mkdirSync(dirname(to), { recursive: true });
      // Its lines name owners' digests and tags; whoever collects them is given the right to.
      this.#file = createWriteStream(to, { flags: "a", mode: 0o600 });
      this.#log = jsonLog(this.#file, options);
      await once(this.#file, "open");
    } catch (error) {
      this.#log = undefined;
      const accepted = `"stdout", "stderr", or a file that can be written (${(error as NodeJS.ErrnoException).code ?? "no code"})`;
      throw new StrataConfigError("observability.log.to", to, accepted);
    }
  }

  async #openScrape(
    metrics: Metrics,
    { port = 9_464, host, path = "/metrics", prefix, token }: PrometheusConfig,
  ): Promise<string> {
    const { clock = systemClock } = this.#options.config;
    const { prometheus } = await import("../observability/exporters/prometheus.ts").catch((cause: unknown) => {
      throw new StrataError("MISSING_PEER", "`observability.prometheus` needs the package prom-client: npm install prom-client", {
        cause,
      });
    });
    const exporter = namedUnder("observability", () => prometheus(metrics, { prefix, clock }));
    const isAllowed = token === undefined ? undefined : tokenCheck("observability.prometheus.token", token);
    this.#scrape = await listen({
      ...{ port, host, clock },
      async fetch(request) {
        if (new URL(request.url).pathname !== path) return new Response("Not found.\n", { status: 404 });
        if (request.method !== "GET" && request.method !== "HEAD")
          return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
        if (isAllowed?.(bearerOf(request.headers.get("authorization") ?? undefined)) === false) {
          return new Response("A token is needed.\n", { status: 401, headers: { "www-authenticate": "Bearer" } });
        }
        return new Response(await exporter.text(), {
          headers: { "content-type": exporter.contentType, "cache-control": "no-store" },
        });
      },
    }).catch((error: unknown) => {
      exporter.close();
      if (error instanceof StrataError)
        throw new StrataError(error.code, `\`observability.prometheus\`: ${error.message}`, { cause: error });
      throw error;
    });
    return `${this.#scrape.url}${path}`;
  }
}
