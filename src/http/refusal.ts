import type { Context } from "hono";

/** Why a request was not done. */
export type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 429 | 500 | 501 | 503;

/** Every refusal has this form: `{ "error": { "message": … } }`, in plain words, without anything that the request held. */
export function refusal(c: Context, status: RefusalStatus, message: string): Response {
  if (status === 401) c.header("WWW-Authenticate", 'Bearer realm="strata"');
  return c.json({ error: { message } }, status);
}
