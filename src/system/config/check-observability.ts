import { EVENT_TYPES } from "../../core/event-types.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { parseChoice } from "../../core/options.ts";
import { nearest, openSection, readBoolean, readCount, readDuration, readText, section, switched } from "./section.ts";

/** What only this machine reaches. */
const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "::1"]);

/** @throws {@link StrataConfigError} naming the key */
export function checkObservability(value: unknown): void {
  const path = "observability";
  const observability = section(path, value, ["metrics", "prices", "recentEvents", "alerts", "log", "prometheus", "share"]);
  if (observability === undefined) return;
  const isMeasured = readBoolean(path, observability, "metrics") ?? true;
  readCount(path, observability, "recentEvents");
  const { alerts, log, prometheus, share } = observability;
  if (typeof alerts !== "object") readBoolean(path, observability, "alerts");
  else openSection("observability.alerts", alerts, ["rules", "webhook", "onAlert", "every"]);
  checkLog(log);
  checkPrometheus(prometheus, isMeasured);
  checkShare(share, isMeasured);
}

function checkShare(value: unknown, isMeasured: boolean): void {
  const path = "observability.share";
  const share = switched(path, value, ["name", "every", "prefix"]);
  if (value !== undefined && value !== false && !isMeasured)
    throw new StrataConfigError(path, value, "nothing, where `observability.metrics` is false");
  if (share === undefined) return;
  for (const name of ["name", "prefix"]) readText(path, share, name);
  readDuration(path, share, "every");
}

function checkLog(log: unknown): void {
  if (typeof log === "string") parseChoice("observability.log", log, ["stdout", "stderr"]);
  else if (log !== undefined && log !== false) {
    const fields = openSection("observability.log", log, ["to", "only", "messages"]);
    if (readText("observability.log", fields, "to") === undefined) {
      throw new StrataConfigError("observability.log.to", undefined, '"stdout", "stderr", or the path of a file');
    }
    readBoolean("observability.log", fields, "messages");
    const { only = [] } = fields;
    if (!Array.isArray(only) || !only.every((type) => typeof type === "string")) {
      throw new StrataConfigError("observability.log.only", only, 'a list of types of events, such as "cache.lookup"');
    }
    for (const type of only) {
      if (EVENT_TYPES.includes(type)) continue;
      const near = nearest(type, EVENT_TYPES);
      const meant = near === undefined ? "" : ` (did you mean \`${near}\`?)`;
      throw new StrataConfigError("observability.log.only", type, `types of events: ${EVENT_TYPES.join(", ")}${meant}`);
    }
  }
}

function checkPrometheus(prometheus: unknown, isMeasured: boolean): void {
  const scrape = switched("observability.prometheus", prometheus, ["port", "host", "path", "prefix", "token"]);
  if (prometheus !== undefined && prometheus !== false && !isMeasured) {
    throw new StrataConfigError("observability.prometheus", prometheus, "nothing, where `observability.metrics` is false");
  }
  if (scrape === undefined) return;
  const port = readCount("observability.prometheus", scrape, "port", 0) ?? 0;
  if (port > 65_535) throw new StrataConfigError("observability.prometheus.port", port, "a whole number from 0 to 65535");
  for (const name of ["prefix", "token"]) readText("observability.prometheus", scrape, name);
  const page = readText("observability.prometheus", scrape, "path") ?? "/";
  if (!page.startsWith("/")) throw new StrataConfigError("observability.prometheus.path", page, 'a path that begins with "/"');
  const host = readText("observability.prometheus", scrape, "host") ?? "127.0.0.1";
  if (!LOOPBACK.has(host) && scrape["token"] === undefined) {
    throw new StrataConfigError(
      "observability.prometheus.token",
      undefined,
      `a token, where \`host\` is ${host}: others reach it`,
    );
  }
}
