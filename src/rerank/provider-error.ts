import { StrataError, type StrataErrorCode } from "../core/errors.ts";

/** A provider of reranking refused or failed. */
export class RerankProviderError extends StrataError {
  /** Of HTTP; `undefined` when no answer came. */
  readonly status: number | undefined;
  /** What the provider asked to wait (`Retry-After`), ms. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: StrataErrorCode,
    message: string,
    details: { readonly status?: number | undefined; readonly retryAfterMs?: number | undefined; readonly cause?: unknown } = {},
  ) {
    super(code, message, { cause: details.cause });
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** One score for all of several different texts: nothing wrong with the form, and nothing said. */
export class UndecidedError extends StrataError {
  constructor(reranker: string) {
    super("BAD_ANSWER", `The reranker ${reranker} answered with the same score for every text.`);
  }
}

/** Refusals that the next try may not get: timeout, conflict, too many requests. */
const PASSING: ReadonlySet<number> = new Set([408, 409, 429]);
/** A wrong key, an empty account, a model that is not there: no call will do. */
const FATAL: ReadonlySet<number> = new Set([401, 402, 403, 404]);

function statusOf(error: unknown): number | undefined {
  const { status, statusCode } = (error ?? {}) as { status?: unknown; statusCode?: unknown };
  const code = status ?? statusCode;
  return typeof code === "number" ? code : undefined;
}

/**
 * Whether another try may do: not after a refusal, a wrong option or a missing package. After a deadline it may, where time is left.
 */
export function isWorthRetry(error: unknown): boolean {
  if (StrataError.isInstance(error) && !RETRIED.has(error.code)) return false;
  const status = statusOf(error);
  return status === undefined || status < 400 || status >= 500 || PASSING.has(status);
}

const RETRIED: ReadonlySet<StrataErrorCode> = new Set(["UNAVAILABLE", "TIMEOUT"]);

/** Whether it cannot work at all for now: it is left alone at the first such failure. */
export function isFatal(error: unknown): boolean {
  return FATAL.has(statusOf(error) ?? 0) || (isBadAnswer(error) && !(error instanceof UndecidedError));
}

/** Not when it has no opinion: a query of emoji alone says nothing of the reranker. */
function isBadAnswer(error: unknown): boolean {
  return StrataError.isInstance(error) && error.code === "BAD_ANSWER";
}

export function askedMs(error: unknown): number | undefined {
  return error instanceof RerankProviderError ? error.retryAfterMs : undefined;
}

/** What an event or report may say of a failure: closed words, no text of a provider. */
export function faultOf(reranker: string, error: unknown): RerankFault {
  const code = StrataError.isInstance(error) ? error.code : "ENGINE";
  return { reranker, code, status: statusOf(error) };
}

export interface RerankFault {
  /** Its name; or `policy`, `tier`, `calibrate` where a function of the user's threw. */
  readonly reranker: string;
  /** The code of our error, or `ENGINE` for what the reranker itself threw. */
  readonly code: StrataErrorCode | "ENGINE";
  /** Of HTTP, where there was an answer. */
  readonly status: number | undefined;
}
