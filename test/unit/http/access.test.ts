import { request, type IncomingHttpHeaders } from "node:http";
import { Hono } from "hono";
import { afterEach, describe, expect, it } from "vitest";
import { manualClock, systemClock } from "../../../src/core/clock.ts";
import { StrataConfigError } from "../../../src/core/errors.ts";
import { access, type AccessOptions } from "../../../src/http/access.ts";
import { listen, type Listening } from "../../../src/http/listen.ts";
import { securityHeaders } from "../../../src/http/security-headers.ts";
import { Sessions } from "../../../src/http/sessions.ts";

const TOKEN = "correct-horse";
const AUTHORIZED = { authorization: `Bearer ${TOKEN}` };

let server: Listening | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Node's own client: `fetch` lets nobody choose `Host`, `Origin` or `Sec-Fetch-Site`. */
function ask(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request(`${server?.url}${path}`, { method, headers, agent: false }, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString()));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    })
      .on("error", reject)
      .end();
  });
}

async function start(options: Partial<AccessOptions> = {}, sessions?: Sessions): Promise<string> {
  const app = new Hono();
  app.use(securityHeaders());
  if (sessions !== undefined) app.get("/enter/:code", (c) => c.text(String(sessions.redeem(c, c.req.param("code")))));
  app.use(access({ token: TOKEN, sessions, ...options }));
  app.get("/", (c) => c.text("in"));
  app.get("/healthz", (c) => c.text("ok"));
  app.post("/change", (c) => c.text("changed"));
  server = await listen({ fetch: app.fetch, port: 0, clock: systemClock });
  return server.url;
}

const status = async (...asked: Parameters<typeof ask>): Promise<number> => (await ask(...asked)).status;

describe("a server's access", () => {
  it("is given for the token alone", async () => {
    await start();
    expect(await status("/", AUTHORIZED)).toBe(200);
    expect(await status("/change", AUTHORIZED, "POST")).toBe(200);
    for (const authorization of ["", "Bearer", "Bearer ", "Bearer wrong", `Bearer ${TOKEN}x`, `Basic ${TOKEN}`, TOKEN]) {
      expect(await status("/", { authorization }), authorization).toBe(401);
    }
    expect((await ask("/")).headers["www-authenticate"]).toContain("Bearer");
  });

  it("is refused under a foreign name, with the token too", async () => {
    const { port } = new URL(await start());
    for (const host of ["evil.test", `evil.test:${port}`, "localhost.evil.test", "127.0.0.1.evil.test", "127.0.0.2", "[::2]"]) {
      expect(await status("/", { ...AUTHORIZED, host }), host).toBe(403);
    }
    for (const host of [`localhost:${port}`, "LOCALHOST", `[::1]:${port}`, "127.0.0.1"]) {
      expect(await status("/", { ...AUTHORIZED, host }), host).toBe(200);
    }
  });

  it("is refused for a foreign origin, with the token too", async () => {
    const url = await start();
    for (const origin of ["https://evil.test", "null", "http://127.0.0.1", "http://localhost:1", `${url}.evil.test`]) {
      expect(await status("/change", { ...AUTHORIZED, origin }, "POST"), origin).toBe(403);
      expect(await status("/", { ...AUTHORIZED, origin }), origin).toBe(403);
    }
    expect(await status("/change", { ...AUTHORIZED, origin: url }, "POST")).toBe(200);
  });

  it("is refused for what a browser says another site sent, but a link to a page may be followed", async () => {
    await start();
    for (const site of ["cross-site", "same-site"]) {
      expect(await status("/", { ...AUTHORIZED, "sec-fetch-site": site, "sec-fetch-dest": "image" }), site).toBe(403);
      const form = { ...AUTHORIZED, "sec-fetch-site": site, "sec-fetch-dest": "document" };
      expect(await status("/change", form, "POST"), site).toBe(403);
      expect(await status("/", form), site).toBe(200);
    }
  });

  it("can be opened to more names and origins, and a path without the token to those who may call at all", async () => {
    await start({ hosts: ["strata.example.com"], origins: ["https://ops.example.com"], open: ["/healthz"] });
    expect(await status("/", { ...AUTHORIZED, host: "strata.example.com:8443" })).toBe(200);
    expect(await status("/change", { ...AUTHORIZED, origin: "https://ops.example.com" }, "POST")).toBe(200);
    expect(await status("/healthz")).toBe(200);
    expect(await status("/healthz", { host: "evil.test" })).toBe(403);
    expect(await status("/healthz/more")).toBe(401);
  });

  it("lets pages of an origin that is listed ask first and read answers, without a cookie, and no others", async () => {
    const origin = "https://ops.example.com";
    await start({ origins: [origin] });
    const asking = { "access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type" };
    const first = await ask("/change", { ...asking, origin, "sec-fetch-site": "cross-site" }, "OPTIONS");
    expect(first.status).toBe(204);
    expect(first.headers).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-allow-headers": "authorization,content-type",
    });
    expect(first.headers["access-control-allow-credentials"]).toBeUndefined();
    const answer = await ask("/change", { ...AUTHORIZED, origin, "sec-fetch-site": "cross-site" }, "POST");
    expect([answer.status, answer.headers["access-control-allow-origin"]]).toEqual([200, origin]);
    expect((await ask("/change", { origin }, "POST")).status).toBe(401);
    const foreign = await ask("/change", { ...asking, origin: "https://evil.test" }, "OPTIONS");
    expect([foreign.status, foreign.headers["access-control-allow-origin"]]).toEqual([403, undefined]);
    const own = await ask("/", AUTHORIZED);
    expect(own.headers["access-control-allow-origin"]).toBeUndefined();
  });

  it("refuses a token, a host or an origin that is none, without showing the token", () => {
    for (const token of ["", " ", "two words", []]) expect(() => access({ token })).toThrow(StrataConfigError);
    expect(() => access({ token: ["fine", "not fine"] })).not.toThrow(/not fine/);
    for (const host of ["http://a", "a:80", "a/b", ""]) expect(() => access({ token: "t", hosts: [host] })).toThrow(/hosts/);
    for (const origin of ["a.com", "https://a.com/", "null", "*"]) {
      expect(() => access({ token: "t", origins: [origin] }), origin).toThrow(/origins/);
    }
  });
});

describe("a session", () => {
  it("opens by a link that works once, in a cookie that neither scripts nor other sites have", async () => {
    const sessions = new Sessions(manualClock());
    await start({}, sessions);
    const code = sessions.link();
    const entered = await ask(`/enter/${code}`);
    expect(entered.body).toBe("true");
    const [cookie = ""] = entered.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Strict/);
    expect(cookie).not.toContain(TOKEN);
    const session = { cookie: cookie.split(";")[0] ?? "" };
    expect(await status("/", session)).toBe(200);
    expect((await ask(`/enter/${code}`)).body).toBe("false");
    expect(await status("/", { cookie: "strata_session_1=x" })).toBe(401);
  });

  it("changes nothing without the header that only a page of ours sends", async () => {
    const sessions = new Sessions(manualClock());
    await start({}, sessions);
    const entered = await ask(`/enter/${sessions.link()}`);
    const session = { cookie: entered.headers["set-cookie"]?.[0]?.split(";")[0] ?? "" };
    expect(await status("/change", session, "POST")).toBe(403);
    expect(await status("/change", { ...session, "x-strata-request": "1" }, "POST")).toBe(200);
    expect(await status("/change", { ...session, "x-strata-request": "1", origin: "http://evil.test" }, "POST")).toBe(403);
  });

  it("ends, and so does a link that nobody opened", async () => {
    const clock = manualClock();
    const sessions = new Sessions(clock);
    await start({}, sessions);
    const late = sessions.link();
    const session = { cookie: (await ask(`/enter/${sessions.link()}`)).headers["set-cookie"]?.[0]?.split(";")[0] ?? "" };
    await clock.advance(10 * 60_000);
    expect((await ask(`/enter/${late}`)).body).toBe("false");
    expect(await status("/", session)).toBe(200);
    await clock.advance(12 * 3_600_000);
    expect(await status("/", session)).toBe(401);
  });
});

it("answers say what a browser may do with them", async () => {
  await start();
  const { headers } = await ask("/", AUTHORIZED);
  const policy = String(headers["content-security-policy"]);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("unsafe");
  expect(headers).toMatchObject({
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
  });
});
