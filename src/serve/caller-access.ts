/**
 * Who may call. Requests of foreign sites are refused first (`http/same-site.ts`); then the token, where there is one. At the proxy
 * `Authorization` is the upstream's, and is not looked at here: the server's own token comes in a header of its own.
 */
import type { MiddlewareHandler } from "hono";
import { every } from "hono/combine";
import { sameSiteOnly } from "../http/same-site.ts";
import { bearerOf, tokenCheck } from "../http/token.ts";
import type { ServeSettings } from "./serve-options.ts";
import { cohereError, openAiError } from "./wire-errors.ts";

export const TOKEN_HEADER = "x-strata-token";

/** Paths that hand `Authorization` on. */
const PASSED_ON: ReadonlySet<string> = new Set(["/v1/chat/completions", "/v1/models", "/warm"]);

export function callerAccess({ token, hosts, origins }: ServeSettings, open: ReadonlySet<string>): MiddlewareHandler {
  const sameSite = sameSiteOnly({ hosts, origins });
  if (token === undefined) return sameSite;
  const isToken = tokenCheck("token", token);
  return every(sameSite, async (c, next) => {
    const { path } = c.req;
    if (open.has(path) || isToken(c.req.header(TOKEN_HEADER))) return next();
    if (!PASSED_ON.has(path) && isToken(bearerOf(c.req.header("authorization")))) return next();
    if (/^\/v[12]\/rerank$/.test(path)) return cohereError(401, "invalid api token");
    // As a TEI server with an API key does.
    if (path === "/rerank") return new Response(null, { status: 401 });
    return openAiError(401, "Give the token of this server: `X-Strata-Token: TOKEN`.");
  });
}
