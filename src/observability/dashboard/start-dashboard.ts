/** The web dashboard as a server: pages, API and access, on this machine unless told otherwise. */
import { readFileSync } from "node:fs";
import { Hono, type Context } from "hono";
import { entriesOf } from "../../cache/cache-entries.ts";
import type { Clock } from "../../core/clock.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { parseClock, refuseUnknown } from "../../core/options.ts";
import { access } from "../../http/access.ts";
import { readBody } from "../../http/body.ts";
import { EventStreams } from "../../http/event-streams.ts";
import { listen } from "../../http/listen.ts";
import { refusal } from "../../http/refusal.ts";
import { securityHeaders } from "../../http/security-headers.ts";
import { Sessions } from "../../http/sessions.ts";
import { newToken, tokenCheck } from "../../http/token.ts";
import { dashboardApi } from "./api.ts";
import type { DashboardSource } from "./dashboard-source.ts";
import { Explorer } from "./explorer.ts";
import { LiveState } from "./live-state.ts";
import { readPages, signInPage, type Page } from "./pages.ts";
import type { WirePart, WireSettings } from "./wire.ts";

export interface DashboardOptions extends DashboardSource {
  /** Default 0: a free one. */
  readonly port?: number | undefined;
  /** The address to bind; default 127.0.0.1, which only this machine reaches. */
  readonly host?: string | undefined;
  /** Who has it is let in; default: a new one of 256 bits. Beyond this machine it must have at least 16 characters. */
  readonly token?: string | undefined;
  /** Names under which the dashboard is called, beside localhost, 127.0.0.1, [::1] and `host`: behind a proxy, the proxy's. */
  readonly hosts?: readonly string[] | undefined;
  /** Origins whose pages may call the API, beside the dashboard's own; default none. */
  readonly origins?: readonly string[] | undefined;
  /** Lets visitors remove entries, clear tiers and give feedback. Default `false`. */
  readonly allowWrites?: boolean | undefined;
  /** Lets visitors read stored prompts, answers and messages. Default `false`. */
  readonly showPrompts?: boolean | undefined;
  readonly clock?: Clock | undefined;
}

/** A dashboard that is open. */
export interface Dashboard {
  /** `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly port: number;
  readonly token: string;
  /** An address that opens the dashboard in one browser, once, within ten minutes. */
  link(): string;
  /** Ends every stream and the server; what was given to it stays open. May be called twice. */
  close(): Promise<void>;
}

const OPTIONS = [
  ...["name", "metrics", "events", "cache", "conversations", "alerts", "health"],
  ...["port", "host", "token", "hosts", "origins", "allowWrites", "showPrompts", "clock"],
];
const LOOPBACK = new Set(["127.0.0.1", "localhost", "::1"]);
const SHORTEST_TOKEN = 16;
/** Wrong tokens that the form takes in a minute. */
const MAX_TRIES = 20;
const MINUTE = 60_000;

/**
 * Opens the dashboard.
 * @throws {@link StrataConfigError} naming the option; {@link StrataError} `UNAVAILABLE` when the port is in use
 */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  refuseUnknown("startDashboard", options, OPTIONS);
  const { host = "127.0.0.1", port = 0, token = newToken(), allowWrites = false, showPrompts = false } = options;
  const clock = parseClock(options.clock);
  if (!LOOPBACK.has(host) && token.length < SHORTEST_TOKEN) {
    throw new StrataConfigError("token", undefined, `at least ${SHORTEST_TOKEN} characters where other machines can reach it`);
  }
  const pages = readPages();
  const sessions = new Sessions(clock);
  const streams = new EventStreams({ clock });
  const entries = options.cache === undefined ? undefined : entriesOf(options.cache);
  const explorer = entries && new Explorer({ entries, clock, showPrompts });
  const live = new LiveState(options, clock);
  const settings = settingsOf(options, allowWrites, showPrompts);

  const app = new Hono();
  app.use(securityHeaders());
  app.use(signInInstead);
  const named = LOOPBACK.has(host) || host === "0.0.0.0" || host === "::" ? [] : [host];
  const hosts = [...named, ...(options.hosts ?? [])];
  const open = ["/enter", "/sign-in", "/app.css", "/icon.svg"];
  app.use(access({ token, sessions, hosts, origins: options.origins, open }));
  app.get("/enter", (c) =>
    sessions.redeem(c, c.req.query("code") ?? "") ? c.redirect("/", 303) : c.html(signInPage("late"), 401),
  );
  app.post("/sign-in", signIn(token, sessions, clock));
  for (const [path, page] of pages) app.get(path, (c) => send(c, page));
  app.route("/api", dashboardApi({ source: options, settings, live, streams, explorer }));
  app.notFound((c) => refusal(c, 404, "There is nothing here."));

  const server = await listen({ fetch: app.fetch, port, host, clock });
  return {
    url: server.url,
    port: server.port,
    token,
    link: () => `${server.url}/enter?code=${sessions.link()}`,
    async close() {
      streams.close();
      await Promise.all([server.close(), explorer?.close()]);
    },
  };
}

/** A person who is not let in sees where to give the token; a script gets the refusal itself. */
async function signInInstead(c: Context, next: () => Promise<void>): Promise<void> {
  await next();
  const isPerson = c.req.method === "GET" && (c.req.header("accept") ?? "").includes("text/html");
  if (c.res.status !== 401 || !isPerson || c.req.path === "/enter") return;
  const headers = new Headers(c.res.headers);
  headers.set("content-type", "text/html; charset=utf-8");
  headers.delete("content-length");
  c.res = undefined;
  c.res = new Response(signInPage("asked"), { status: 401, headers });
}

function signIn(token: string, sessions: Sessions, clock: Clock): (c: Context) => Promise<Response> {
  const isToken = tokenCheck("token", token);
  let tries = 0;
  let since = clock.monotonic();
  return async (c) => {
    if (clock.monotonic() - since > MINUTE) [tries, since] = [0, clock.monotonic()];
    if (tries >= MAX_TRIES) return refusal(c, 429, "Too many wrong tokens; wait a minute.");
    const given = new URLSearchParams(await readBody(c, 2_000)).get("token");
    if (isToken(given?.trim())) {
      sessions.open(c);
      return c.redirect("/", 303);
    }
    tries++;
    return c.html(signInPage("wrong"), 401);
  };
}

function send(c: Context, { body, type }: Page): Response {
  return c.body(body, 200, { "content-type": type, "cache-control": "no-cache" });
}

function settingsOf(source: DashboardSource, writes: boolean, prompts: boolean): WireSettings {
  const parts: WirePart[] = [];
  if (source.cache !== undefined) parts.push("cache");
  if (source.cache?.stats().semantic !== undefined) parts.push("semantic");
  if (source.conversations !== undefined) parts.push("conversations");
  if (source.alerts !== undefined) parts.push("alerts");
  if (source.events !== undefined) parts.push("events");
  return { name: source.name ?? "strata", version: versionOfPackage(), writes, prompts, parts };
}

function versionOfPackage(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as { version: string };
  return version;
}
