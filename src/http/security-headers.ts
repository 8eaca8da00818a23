import type { MiddlewareHandler } from "hono";
import { every } from "hono/combine";
import { secureHeaders } from "hono/secure-headers";

/**
 * What browsers may do with answers: pages load nothing but files of this server, run no script and take no style that stands in
 * the page itself, write no text as HTML (trusted types), are framed by nobody, and are kept by no cache.
 */
export function securityHeaders(): MiddlewareHandler {
  const headers = secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", "data:"],
      connectSrc: ["'self'"],
      manifestSrc: ["'self'"],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
      requireTrustedTypesFor: ["'script'"],
      trustedTypes: ["'none'"],
    },
    xFrameOptions: "DENY",
    // Under `no-referrer` browsers send `Origin: null` with our own forms.
    referrerPolicy: "same-origin",
    // On plain HTTP it says nothing; behind a proxy it is the proxy's to say.
    strictTransportSecurity: false,
  });
  return every(headers, async (c, next) => {
    await next();
    if (!c.res.headers.has("cache-control")) c.header("Cache-Control", "no-store");
  });
}
