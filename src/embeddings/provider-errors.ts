/** Refusals that the next try may not get: timeout, conflict, too many requests. */
const PASSING: ReadonlySet<unknown> = new Set([408, 409, 429]);

/** Whether a provider's failure is worth another try: all are, but a refusal of the request itself. */
export function isTransient(error: unknown): boolean {
  const { status, response } = (error ?? {}) as { status?: unknown; response?: { status?: unknown } | null };
  const code = status ?? response?.status;
  return typeof code !== "number" || code < 400 || code >= 500 || PASSING.has(code);
}
