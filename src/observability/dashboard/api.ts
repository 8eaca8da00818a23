/**
 * What the pages ask for, and scripts may: `GET` reads, `POST` changes. Nothing is changed where the dashboard was not opened with
 * `allowWrites`, and no prompt or answer leaves where it was not opened with `showPrompts`.
 */
import { Hono, type Context } from "hono";
import { StrataConfigError } from "../../core/errors.ts";
import type { Duration } from "../../core/options.ts";
import { readBody } from "../../http/body.ts";
import type { EventStreams } from "../../http/event-streams.ts";
import { refusal } from "../../http/refusal.ts";
import type { SeriesName } from "../series.ts";
import type { DashboardSource } from "./dashboard-source.ts";
import type { Explorer } from "./explorer.ts";
import type { LiveState } from "./live-state.ts";
import type { EntryOrderName, WireConversation, WireDecision, WireIncident, WireMessage, WireSettings } from "./wire.ts";

export interface ApiOptions {
  readonly source: DashboardSource;
  readonly settings: WireSettings;
  readonly live: LiveState;
  readonly streams: EventStreams;
  readonly explorer: Explorer | undefined;
}

const TICK_MS = 1_000;
const MAX_BODY = 64 * 1024;
const MAX_SERIES = 24;
const ORDERS: readonly string[] = ["newest", "oldest", "largest", "costliest"] satisfies EntryOrderName[];
/** 43 characters of base64url. */
const KEY = /^[\w-]{43}$/;

export function dashboardApi(options: ApiOptions): Hono {
  const { source, settings, live, streams, explorer } = options;
  const api = new Hono();
  api.post("*", async (c, next) => {
    if (!settings.writes)
      return refusal(c, 403, "This dashboard only shows. Open it with `allowWrites` (`--allow-writes`) to change things.");
    return next();
  });
  api.onError((error, c) => {
    if (error instanceof StrataConfigError) return refusal(c, 400, error.message);
    return refusal(c, 500, "This could not be done.");
  });

  api.get("/settings", (c) => c.json(settings));
  api.get("/stats", async (c) => c.json({ ...source.cache?.stats(), metrics: (await live.state()).metrics }));
  api.get("/state", async (c) => c.json(await live.state()));
  api.get("/live", (c) => streams.respond(c, TICK_MS, async () => ({ event: "state", data: await live.state() })));
  api.get("/health", async (c) => c.json(await live.health()));
  api.get("/alerts", async (c) => c.json({ alerts: source.alerts?.status() ?? [] }));
  api.get("/series", async (c) => c.json({ series: await source.metrics.series() }));
  api.get("/history", async (c) => {
    const names = (c.req.query("series") ?? "").split(",").filter(Boolean).slice(0, MAX_SERIES);
    return c.json(await live.history(names as SeriesName[], (c.req.query("period") ?? "10m") as Duration));
  });
  api.get("/summary", async (c) => c.json(await source.metrics.summary((c.req.query("period") ?? "1h") as Duration)));

  api.get("/decisions", (c) => c.json({ decisions: decisionsOf(source).slice(0, limitOf(c, 100)) }));
  api.get("/reranks", (c) => {
    const reranks = source.events?.reranks() ?? [];
    const reports = settings.prompts ? (source.events?.reports() ?? []) : [];
    return c.json({ reranks: reranks.slice(0, limitOf(c, 100)), reports });
  });
  api.get("/incidents", (c) => c.json({ incidents: incidentsOf(source).slice(0, limitOf(c, 100)) }));
  api.post("/feedback", async (c) => {
    const { hitId, verdict } = await bodyOf(c);
    if (source.cache === undefined) return refusal(c, 404, "There is no cache here.");
    await source.cache.feedback(hitId as string, verdict as "right");
    source.events?.judged(hitId as string, verdict as "right");
    return c.json({ done: true });
  });

  api.get("/entries", async (c) => {
    if (explorer === undefined) return refusal(c, 404, "There is no cache here.");
    const order = c.req.query("order") ?? "newest";
    return c.json(
      await explorer.search({
        text: (c.req.query("q") ?? "").slice(0, 200),
        tier: c.req.query("tier") || undefined,
        order: (ORDERS.includes(order) ? order : "newest") as EntryOrderName,
        limit: limitOf(c, 50),
        cursor: c.req.query("cursor") || undefined,
        withText: c.req.query("text") === "1",
      }),
    );
  });
  api.get("/entries/:key", async (c) => {
    const entry = KEY.test(c.req.param("key")) ? await explorer?.read(c.req.param("key")) : undefined;
    return entry === undefined ? refusal(c, 404, "There is no such entry any more.") : c.json(entry);
  });
  api.post("/entries/refresh", async (c) => {
    await explorer?.refresh();
    return c.json({ done: true });
  });
  api.post("/entries/delete", async (c) => {
    const { keys } = await bodyOf(c);
    if (explorer === undefined) return refusal(c, 404, "There is no cache here.");
    const isList = Array.isArray(keys) && keys.length <= 1_000 && keys.every((key) => typeof key === "string" && KEY.test(key));
    if (!isList) return refusal(c, 400, "`keys` is a list of at most 1,000 keys.");
    return c.json({ removed: await explorer.remove(keys as string[]) });
  });
  api.post("/clear", async (c) => {
    if (source.cache === undefined) return refusal(c, 404, "There is no cache here.");
    const removed = await source.cache.clear(await bodyOf(c));
    void explorer?.refresh();
    return c.json({ removed });
  });

  api.get("/conversations", async (c) => {
    if (source.conversations === undefined) return c.json({ conversations: [], cursor: null });
    const owner = c.req.query("owner");
    const page = await source.conversations.conversations({
      ...(owner === undefined || owner === "" ? { owners: "all" as const } : { ownerId: owner }),
      limit: limitOf(c, 50),
      cursor: c.req.query("cursor") || undefined,
    });
    const conversations = page.conversations.map(
      ({ ownerId, sessionId, feature, messages, createdAt, updatedAt }): WireConversation => ({
        ...{ ownerId, sessionId, feature: feature ?? null, messages },
        ...{ createdAt: createdAt.getTime(), updatedAt: updatedAt.getTime() },
      }),
    );
    return c.json({ conversations, cursor: page.cursor ?? null });
  });
  api.get("/messages", async (c) => {
    if (source.conversations === undefined) return refusal(c, 404, "There are no conversations here.");
    const page = await source.conversations.messages({
      ownerId: c.req.query("owner") ?? "",
      sessionId: c.req.query("session") ?? "",
      limit: limitOf(c, 50),
      cursor: c.req.query("cursor") || undefined,
    });
    const messages = page.messages.map(({ role, text, createdAt }): WireMessage => ({
      ...{ role, at: createdAt, length: text.length, text: settings.prompts ? text : null },
    }));
    return c.json({ messages, cursor: page.cursor ?? null });
  });
  api.all("*", (c) => refusal(c, 404, "There is nothing here."));
  return api;
}

function limitOf(c: Context, usual: number): number {
  const limit = Number(c.req.query("limit") ?? usual);
  return Number.isInteger(limit) && limit >= 1 ? Math.min(limit, 500) : usual;
}

/** @throws {@link StrataConfigError} for what is no JSON object; `POST` without a body is an empty one */
async function bodyOf(c: Context): Promise<Record<string, unknown>> {
  const text = await readBody(c, MAX_BODY);
  if (text === undefined) throw new StrataConfigError("body", undefined, `at most ${MAX_BODY} bytes`);
  if (text === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Refused below, as what is no object is.
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new StrataConfigError("body", undefined, "a JSON object");
  return value as Record<string, unknown>;
}

function decisionsOf({ events }: DashboardSource): readonly WireDecision[] {
  return (events?.decisions() ?? []).map(({ number, at, event, hitId, verdict }) => ({
    ...{ number, at, outcome: event.outcome, reason: event.reason, ms: event.ms, key: event.key },
    similarity: event.similarity ?? null,
    confidence: event.confidence ?? null,
    veto: event.veto ?? null,
    hitId: hitId ?? null,
    verdict: verdict ?? null,
  }));
}

function incidentsOf({ events }: DashboardSource): readonly WireIncident[] {
  return events?.incidents() ?? [];
}
