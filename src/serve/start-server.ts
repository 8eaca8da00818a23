/**
 * `strata serve`: the parts of this package over HTTP, for programs in any language: a caching proxy in front of any endpoint of OpenAI's
 * protocol, local embeddings and reranking under the protocols that clients know, recall, statistics and operation.
 */
import { randomUUID } from "node:crypto";
import { Hono, type Context } from "hono";
import { requestsOf } from "../cache/request-cache.ts";
import { listen, type Connection, type Listening } from "../http/listen.ts";
import { callerAccess } from "./caller-access.ts";
import { ChatProxy } from "./chat/proxy.ts";
import { RerankQueue } from "./rerank-queue.ts";
import { createEmbeddings } from "./routes/embeddings.ts";
import { clearCache, recall, warmProxy } from "./routes/operations.ts";
import { cohereRerank, teiRerank } from "./routes/rerank.ts";
import { readServeOptions, type ServeOptions, type ServeSettings } from "./serve-options.ts";
import { openAiError } from "./wire-errors.ts";

export interface StrataServer extends Listening {
  /** Says "not ready" to health checks from now on, and still answers everything else. */
  drain(): void;
}

/** Answered without a token. */
const HEALTH: ReadonlySet<string> = new Set(["/health", "/health/live", "/health/ready"]);

/**
 * Starts a server over parts that stay the caller's: `close()` ends the server, and they are closed by whoever made them.
 * @throws {@link StrataConfigError} naming the option; {@link StrataError} `UNAVAILABLE` when the port cannot be had
 */
export async function startServer(options: ServeOptions): Promise<StrataServer> {
  const settings = readServeOptions(options);
  const state = { isDraining: false, inFlight: 0, requests: 0, failures: 0 };
  const app = new Hono<{ Bindings: Connection }>();
  app.use(async (c, next) => {
    state.requests++;
    state.inFlight++;
    try {
      await next();
    } finally {
      state.inFlight--;
      if (c.res.status >= 500) state.failures++;
    }
    c.res.headers.set("x-content-type-options", "nosniff");
    if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "no-store");
  });
  app.use(callerAccess(settings, HEALTH));
  app.get("/health", (c) => c.json({ live: true, ready: !state.isDraining }, state.isDraining ? 503 : 200));
  app.get("/health/live", (c) => c.json({ live: true }));
  app.get("/health/ready", (c) => c.json({ ready: !state.isDraining }, state.isDraining ? 503 : 200));
  const rerankStats = addRoutes(app, settings);
  app.get("/stats", async (c) => {
    const { requests, failures, inFlight } = state;
    const { parts, upstream, clock } = settings;
    const server = { requests, failures, inFlight, upstream, rerank: rerankStats?.() };
    return c.json({
      at: new Date(clock.now()).toISOString(),
      server,
      cache: parts.cache.stats(),
      ...(await parts.stats?.()),
    });
  });
  app.notFound((c) => {
    const isProxy = settings.upstream === undefined && /^\/(?:v1\/(?:chat\/completions|models)|warm)$/.test(c.req.path);
    const why = isProxy ? "No upstream was named: start it with --upstream URL." : "There is nothing here.";
    return openAiError(404, `${why} See docs/guides/serve.md for the routes.`);
  });
  // The error may hold what was sent.
  app.onError(() => openAiError(500, "The server failed."));
  const server = await listen({
    ...{ fetch: (request, connection) => app.fetch(request, connection), port: settings.port ?? 0, host: settings.host },
    ...{ clock: settings.clock, graceMs: settings.graceMs },
  });
  return { ...server, drain: () => void (state.isDraining = true) };
}

/** @returns the figures of the rerank queue, where there is one */
function addRoutes(app: Hono<{ Bindings: Connection }>, settings: ServeSettings): (() => unknown) | undefined {
  const { parts, maxBytes, clock, upstream, sharing, secret = "", deadlineMs, silenceMs } = settings;
  const { cache, embeddings, reranker, memory } = parts;
  app.post("/clear", (c) => clearCache(cache, c.req.raw, maxBytes));
  if (upstream !== undefined) {
    const options = { url: upstream, deadlineMs, silenceMs, clock };
    const proxy = new ChatProxy({ cache: requestsOf(cache), upstream: options, sharing, secret, maxBytes, clock });
    app.post("/v1/chat/completions", (c) => proxy.handle(c.req.raw, c.env.cut));
    app.get("/v1/models", (c) => proxy.pass(c.req.raw, "/models"));
    app.post("/warm", (c) => warmProxy((body, headers) => proxy.handle(inner(c, body, headers), c.env.cut), c.req.raw, maxBytes));
  }
  if (embeddings !== undefined) app.post("/v1/embeddings", (c) => createEmbeddings({ ...embeddings, maxBytes }, c.req.raw));
  if (memory !== undefined) app.post("/recall", (c) => recall(memory, c.req.raw, maxBytes));
  if (reranker === undefined) return undefined;
  const queue = new RerankQueue({ reranker, clock });
  const names = [reranker.name, ...(reranker.model === undefined ? [] : [reranker.model])];
  const options = { queue, scoreKind: reranker.scoreKind, names, maxBytes, newId: () => randomUUID() };
  app.post("/rerank", (c) => teiRerank(options, c.req.raw));
  app.post("/v1/rerank", (c) => cohereRerank(options, c.req.raw));
  app.post("/v2/rerank", (c) => cohereRerank(options, c.req.raw));
  return () => queue.stats();
}

/** A request of the server's own, on behalf of the caller's. */
function inner(c: Context, body: string, headers: Headers): Request {
  headers.delete("content-length");
  return new Request(c.req.url, { method: "POST", headers, body, signal: c.req.raw.signal });
}
