/**
 * Who may speak to a server on this machine: pages of other sites run in the same browser, and reach it too.
 *
 * - DNS rebinding: a foreign name is made to resolve to 127.0.0.1, and the browser takes the server for that name's own. The name
 *   stands in `Host`, which is why only known names are answered (CVE-2025-66414 was a server without this check).
 * - Requests of other sites carry their `Origin`, and browsers say in `Sec-Fetch-Site` where a request came from. Another port of
 *   localhost is the same *site* as we are, so that `SameSite` cookies do not tell it from us; these headers do.
 *
 * Browsers ask before a page of another origin may send JSON or read an answer (CORS, Fetch standard §3.3). Pages of the listed origins
 * may; with a token, never with our cookies.
 *
 * What fails here is refused with 403, with the right token too: a browser may have been made to send it.
 */
import type { Context, MiddlewareHandler } from "hono";
import { StrataConfigError } from "../core/errors.ts";
import { refusal } from "./refusal.ts";

export interface SameSiteOptions {
  /** Names without ports that `Host` may hold, beside localhost, 127.0.0.1 and [::1]. */
  readonly hosts?: readonly string[] | undefined;
  /** Origins whose pages may send requests, beside the server's own: `"https://ops.example.com"`. */
  readonly origins?: readonly string[] | undefined;
}

const LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]"];

/** @throws {@link StrataConfigError} for a host with a port or a scheme, and for an origin that is none */
export function sameSiteOnly(options: SameSiteOptions = {}): MiddlewareHandler {
  const hosts = new Set([...LOOPBACK_NAMES, ...(options.hosts ?? []).map(parseHost)]);
  const origins = new Set((options.origins ?? []).map(parseOrigin));
  return async (c, next) => {
    const host = c.req.header("host") ?? "";
    if (!hosts.has(nameOf(host))) return refusal(c, 403, "This server is not called by that name.");
    const origin = c.req.header("origin");
    const isOwn = origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
    if (!isOwn && !origins.has(origin)) return refusal(c, 403, "Requests of other sites are refused.");
    // A browser leaves `Origin` out of plain GETs; a link to a page may be followed from anywhere, and is shown without a cookie.
    const site = c.req.header("sec-fetch-site");
    const isForeign = (site === "cross-site" || site === "same-site") && (origin === undefined || isOwn);
    const isFollowedLink = c.req.method === "GET" && c.req.header("sec-fetch-dest") === "document";
    if (isForeign && !isFollowedLink) return refusal(c, 403, "Requests of other sites are refused.");
    if (isOwn || origin === undefined) return next();
    const isAskedFirst = c.req.method === "OPTIONS" && c.req.header("access-control-request-method") !== undefined;
    if (isAskedFirst) c.res = c.body(null, 204);
    else await next();
    mayRead(c, origin);
    return undefined;
  };
}

function mayRead(c: Context, origin: string): void {
  const { headers } = c.res;
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers", "*");
  headers.append("vary", "Origin");
  if (c.req.method !== "OPTIONS") return;
  headers.set("access-control-allow-methods", "GET, POST");
  // Clients of OpenAI's protocol send many of their own.
  const wanted = c.req.header("access-control-request-headers") ?? "";
  if (/^[\w, -]{1,2000}$/.test(wanted)) headers.set("access-control-allow-headers", wanted);
  headers.set("access-control-max-age", "600");
}

/** `[::1]:80` is `[::1]`. */
function nameOf(host: string): string {
  return host.replace(/:\d{1,5}$/, "").toLowerCase();
}

function parseHost(host: unknown): string {
  const isName = typeof host === "string" && /^(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]+\])$/i.test(host);
  if (!isName) throw new StrataConfigError("hosts", host, 'names without a scheme or a port, such as "strata.example.com"');
  return host.toLowerCase();
}

function parseOrigin(origin: unknown): string {
  const parsed = typeof origin === "string" && URL.canParse(origin) ? new URL(origin).origin : undefined;
  if (parsed === undefined || parsed === "null" || parsed !== origin) {
    throw new StrataConfigError("origins", origin, 'origins, such as "https://ops.example.com"');
  }
  return parsed;
}
