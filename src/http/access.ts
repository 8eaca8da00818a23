/**
 * Who may use a server: whoever has the token (`Authorization: Bearer …`), or a browser with a session. 401 without either; 403 for
 * a request of a foreign site, whatever it holds (`same-site.ts`).
 *
 * A session alone changes nothing: what is not GET or HEAD also needs the header `x-strata-request`, which a form cannot send and a
 * script of another site may not.
 */
import { every } from "hono/combine";
import type { MiddlewareHandler } from "hono";
import { refusal } from "./refusal.ts";
import { sameSiteOnly, type SameSiteOptions } from "./same-site.ts";
import type { Sessions } from "./sessions.ts";
import { bearerOf, tokenCheck } from "./token.ts";

export interface AccessOptions extends SameSiteOptions {
  /** One of these must be given. */
  readonly token: string | readonly string[];
  /** Lets browsers in that hold a session; default: only the token counts. */
  readonly sessions?: Sessions | undefined;
  /** Exact paths that need no token, such as a health check; foreign hosts and origins are refused there too. */
  readonly open?: readonly string[] | undefined;
}

/** The header that a page of ours sends with every change. */
export const REQUEST_HEADER = "x-strata-request";

/** @throws {@link StrataConfigError} for a token, host or origin that is none */
export function access(options: AccessOptions): MiddlewareHandler {
  const isToken = tokenCheck("token", options.token);
  const open = new Set(options.open);
  const authenticated: MiddlewareHandler = async (c, next) => {
    if (open.has(c.req.path) || isToken(bearerOf(c.req.header("authorization")))) return next();
    if (options.sessions?.has(c) !== true) {
      return refusal(c, 401, "Give the token: `Authorization: Bearer TOKEN`, or open the link that the server printed.");
    }
    const isRead = c.req.method === "GET" || c.req.method === "HEAD";
    if (!isRead && c.req.header(REQUEST_HEADER) === undefined) {
      return refusal(c, 403, `A change needs the header \`${REQUEST_HEADER}\`.`);
    }
    return next();
  };
  return every(sameSiteOnly(options), authenticated);
}
