/**
 * Tells an HTTP endpoint of alerts. Its URL is the operator's and nobody else's: it comes from the configuration alone, redirects are
 * not followed, the answer is not read, and no error says more of it than that it failed, since such a URL is a secret.
 */
import { createHmac } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { Guard } from "../core/guard.ts";
import { parseCount, parseDuration, parseFunction, refuseUnknown, type Duration } from "../core/options.ts";
import type { Alert } from "./alert.ts";

export interface AlertWebhook {
  /** `https:` or `http:`, without user and password. */
  readonly url: string;
  /** Such as `authorization`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Signs each body: `x-strata-signature: sha256=` and the HMAC-SHA256 in hex. */
  readonly secret?: string | undefined;
  /** What is sent, as JSON; default the alert itself. For Slack: `(alert) => ({ text: alert.message })`. */
  readonly body?: ((alert: Alert) => unknown) | undefined;
  /** Of one try; default `"10s"`. */
  readonly deadline?: Duration | undefined;
  /** Further tries after the first, with growing pauses; default 3. */
  readonly retries?: number | undefined;
  /** In place of the global `fetch`, for a proxy. */
  readonly fetch?: typeof fetch | undefined;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

export interface WebhookContext {
  readonly clock: Clock;
  readonly random: () => number;
}

/** @throws {@link StrataConfigError} naming the option, never its value */
export function parseWebhook(
  webhook: AlertWebhook,
  { clock, random }: WebhookContext,
): (alert: Alert, signal: AbortSignal) => Promise<void> {
  refuseUnknown("webhook", webhook, ["url", "headers", "secret", "body", "deadline", "retries", "fetch"]);
  const url = parseUrl(webhook.url);
  const { headers = {}, secret } = webhook;
  if (secret !== undefined && (typeof secret !== "string" || secret === "")) {
    throw new StrataConfigError("webhook.secret", "…", "a text that is not empty");
  }
  const body = parseFunction("webhook.body", webhook.body) ?? ((alert: Alert): unknown => alert);
  const send = parseFunction("webhook.fetch", webhook.fetch) ?? fetch;
  const deadlineMs = parseDuration("webhook.deadline", webhook.deadline ?? "10s");
  const retries = parseCount("webhook.retries", webhook.retries ?? 3, 0);
  let accepted: Headers;
  try {
    accepted = new Headers(headers);
  } catch {
    throw new StrataConfigError("webhook.headers", "…", "names and values as HTTP allows them");
  }
  const guard = new Guard({
    ...{ name: "The webhook of alerts", clock, random, deadlineMs },
    retry: { retries, baseMs: FIRST_PAUSE_MS, maxMs: LONGEST_PAUSE_MS, worthIt: isWorthAnotherTry },
    // Alerts are few: each is tried, also after others failed.
    breaker: { failures: Number.MAX_SAFE_INTEGER },
  });
  return async (alert, signal) => {
    const text = JSON.stringify(body(alert));
    const signed =
      secret === undefined ? {} : { "x-strata-signature": `sha256=${createHmac("sha256", secret).update(text).digest("hex")}` };
    await guard.run(
      async () => {
        const ending = new AbortController();
        const cancel = clock.setTimer(deadlineMs, () => ending.abort(), { background: true });
        try {
          const answer = await send(url, {
            ...{ method: "POST", redirect: "error", body: text, signal: AbortSignal.any([signal, ending.signal]) },
            headers: { ...Object.fromEntries(accepted), ...signed, "content-type": "application/json" },
          });
          await answer.body?.cancel();
          if (!answer.ok) throw new WebhookRefusal(answer.status);
        } finally {
          cancel();
        }
      },
      { signal },
    );
  };
}

class WebhookRefusal extends StrataError {
  readonly status: number;

  constructor(status: number) {
    super("UNAVAILABLE", `The webhook of alerts answered with status ${status}.`);
    this.status = status;
  }
}

/** A wrong path or key stays wrong. */
function isWorthAnotherTry(error: unknown): boolean {
  return !(error instanceof WebhookRefusal) || error.status >= 500 || error.status === 429 || error.status === 408;
}

function parseUrl(url: unknown): string {
  const parsed = typeof url === "string" && URL.canParse(url) ? new URL(url) : undefined;
  const isPlain = parsed !== undefined && parsed.username === "" && parsed.password === "";
  if (!isPlain || !["https:", "http:"].includes(parsed.protocol)) {
    throw new StrataConfigError("webhook.url", "…", "an https: or http: URL without user and password");
  }
  return parsed.href;
}
