/**
 * `POST /v1/chat/completions`: an endpoint of OpenAI's protocol with a cache in front, for programs in any language.
 *
 * What the cache has is answered at once, as one answer or as a stream, whichever is asked for; everything else is the upstream's
 * answer, byte for byte, its errors included. Requests that are alike while one is under way share it, in whatever form each wants it.
 */
import { isJsonObject } from "../../core/plain.ts";
import { waitOrAbort } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { digest } from "../../core/key.ts";
import type { CacheRequest, RequestCache } from "../../cache/request-cache.ts";
import { prepareReplay, type HitMetadata, type StoredAnswer } from "../../cache/response-codec.ts";
import type { FoundAnswer } from "../../cache/semantic/match.ts";
import { jsonBody } from "../json-body.ts";
import { openAiError } from "../wire-errors.ts";
import { credentialOf, readChatRequest, type Sharing } from "./chat-request.ts";
import { completionEvents } from "./completion-stream.ts";
import { fromStored, NO_USAGE, toStored, type Completion } from "./completion.ts";
import { Exchange, type Beginning } from "./exchange.ts";
import { askUpstream, UpstreamError, type UpstreamOptions } from "./upstream.ts";

export interface ChatProxyOptions {
  readonly cache: RequestCache;
  readonly upstream: UpstreamOptions;
  readonly sharing: Sharing;
  readonly secret: string;
  readonly maxBytes: number;
  readonly clock: Clock;
}

/** One request, read. */
interface Asked {
  readonly request: CacheRequest | undefined;
  readonly streams: boolean;
  readonly withUsage: boolean;
  readonly startedAt: number;
}

/** One of those who wait for an exchange. */
interface Reader {
  /** It waits no longer. */
  readonly leave: () => void;
  /** Aborts when it has gone. */
  readonly signal: AbortSignal;
  /** Lets it see that its answer broke off. */
  readonly cut: () => void;
}

interface Sent {
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
}

/** One of those who wait, once the exchange has begun. */
interface Waiting {
  readonly exchange: Exchange;
  readonly leads: boolean;
  readonly leave: () => void;
  readonly beginning: Beginning;
}

/** Refusals of whoever asked: the key is wrong, has no money, may not, has no such model (as others may have), or asked too often. */
const OF_THE_ASKER: ReadonlySet<number> = new Set([401, 402, 403, 404, 429]);
/** Statuses whose answers have no body. */
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);
/** What is everybody's of an answer that somebody else's credential asked for. */
const SHARED = ["content-type", "retry-after"];
const PATH = "/chat/completions";
const EVENTS = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };

export class ChatProxy {
  readonly #options: ChatProxyOptions;
  /** Under way, by what is asked and for whom. */
  readonly #exchanges = new Map<string, Exchange>();

  constructor(options: ChatProxyOptions) {
    this.#options = options;
  }

  async handle(given: Request, cut: () => void): Promise<Response> {
    const { cache, upstream, sharing, secret, maxBytes } = this.#options;
    const body = await jsonBody(given, maxBytes);
    if (!body.ok) return openAiError(body.status, body.message);
    if (!isJsonObject(body.value)) return openAiError(400, "The body is no JSON object.");
    const startedAt = cache.clock.monotonic();
    const { headers, signal } = given;
    const request = readChatRequest({ cache, upstream: upstream.url, sharing, secret }, body.value, headers);
    const options = body.value["stream_options"];
    const asked: Asked = {
      ...{ request, startedAt, streams: body.value["stream"] === true },
      withUsage: isJsonObject(options) && options["include_usage"] === true,
    };
    const found = request === undefined || request.refresh ? undefined : await cache.find(request);
    const hit = found && this.#hit(asked, found);
    if (hit !== undefined) return hit;
    // What is kept is kept under what was read: of a key that stands twice, or of a number with too many digits, another parser may
    // read something else.
    const sent = { method: "POST", headers, body: request === undefined ? body.text : JSON.stringify(body.value) };
    let waiting: Waiting | undefined;
    try {
      waiting = await this.#wait(asked, sent, signal);
      if (sharing === "global" && !waiting.leads && isOfTheAsker(waiting.beginning)) {
        waiting.leave();
        waiting = await this.#wait(asked, sent, signal, credentialOf(headers, secret) ?? "none");
      }
      const { exchange, leads, leave, beginning } = waiting;
      return await this.#answer(asked, exchange, beginning, leads, { leave, signal, cut });
    } catch (error) {
      waiting?.leave();
      if (error instanceof UpstreamError) return openAiError(error.status, error.message);
      if (signal.aborted) return new Response(null, { status: 499 });
      throw error;
    }
  }

  /** What the cache has no part in: the upstream's list of models. */
  async pass(given: Request, path: string): Promise<Response> {
    const { headers, signal, method } = given;
    try {
      const answer = await askUpstream(this.#options.upstream, path, { method, headers, body: null }, signal);
      let text = "";
      for await (const piece of answer.pieces()) text += piece;
      return new Response(NO_BODY.has(answer.status) ? null : text, { status: answer.status, headers: answer.headers });
    } catch (error) {
      if (error instanceof UpstreamError) return openAiError(error.status, error.message);
      throw error;
    }
  }

  /** Asks, or joins who has asked. @param among whose questions may be joined; default everybody's of the scope */
  async #wait(asked: Asked, sent: Sent, signal: AbortSignal, among = ""): Promise<Waiting> {
    const entered = this.#enter(asked, sent, among);
    const leave = entered.exchange.join();
    try {
      const beginning = await waitOrAbort(entered.exchange.beginning, signal);
      return { ...entered, leave, beginning };
    } catch (error) {
      leave();
      throw error;
    }
  }

  #enter(asked: Asked, sent: Sent, among: string): { readonly exchange: Exchange; readonly leads: boolean } {
    const { request, startedAt, streams, withUsage } = asked;
    const { cache, upstream } = this.#options;
    // Not of what is stored, which serves both: the bytes of a stream are the same for all who read it.
    const form = streams && withUsage ? "usage" : "";
    const key =
      request !== undefined && cache.shares(request)
        ? digest(request.refresh ? "refresh" : "find", request.scope, request.key, among, form)
        : undefined;
    const known = key === undefined ? undefined : this.#exchanges.get(key);
    if (known !== undefined && !known.isOver) return { exchange: known, leads: false };
    let askedAt = startedAt;
    const exchange = new Exchange({
      find: async () => (request === undefined ? undefined : cache.findElsewhere(request, startedAt)),
      ask: (signal) => {
        if (request !== undefined && !request.refresh) cache.miss(request, startedAt);
        askedAt = cache.clock.monotonic();
        return askUpstream(upstream, PATH, sent, signal);
      },
      landed: (completion) => {
        if (key !== undefined && this.#exchanges.get(key) === exchange) this.#exchanges.delete(key);
        if (request !== undefined) this.#keep(request, completion, askedAt);
      },
    });
    if (key !== undefined) this.#exchanges.set(key, exchange);
    return { exchange, leads: true };
  }

  #keep(request: CacheRequest, completion: Completion | undefined, askedAt: number): void {
    const { cache } = this.#options;
    if (completion === undefined) return cache.giveUp(request);
    const answer = toStored(completion);
    void cache.keep(request, { answer, value: prepareReplay(answer), generations: [], ms: cache.clock.monotonic() - askedAt });
  }

  async #answer(asked: Asked, exchange: Exchange, beginning: Beginning, leads: boolean, reader: Reader): Promise<Response> {
    const { leave, signal } = reader;
    if (beginning.kind === "found") {
      leave();
      return this.#hit(asked, beginning.found) ?? openAiError(502, "The stored answer cannot be read; ask again.");
    }
    if (beginning.kind === "stream" && asked.streams) {
      if (!leads) this.#countShared(asked, []);
      const headers = this.#passed(beginning.headers, leads);
      note(headers, this.#outcome(asked, leads));
      return new Response(readable(exchange, reader), { status: beginning.status, headers });
    }
    const whole = beginning.kind === "whole" ? beginning.completion : await waitOrAbort(exchange.whole, signal);
    leave();
    if (beginning.kind === "whole" && (whole === undefined || (leads && !asked.streams))) {
      const headers = this.#passed(beginning.headers, leads);
      note(headers, this.#outcome(asked, leads));
      return new Response(NO_BODY.has(beginning.status) ? null : beginning.text, { status: beginning.status, headers });
    }
    if (whole === undefined) return openAiError(502, "The upstream's answer broke off.");
    const outcome = this.#outcome(asked, leads);
    if (!leads) this.#countShared(asked, toStored(whole));
    // Of a stream that was asked for without; who asked in one piece expects it.
    const given = leads ? whole : { ...whole, usage: whole["usage"] ?? NO_USAGE };
    return this.#write(asked, given, new Headers({ "x-strata-cache": outcome }));
  }

  /** The upstream's headers; where somebody else's credential asked, none that speak of its account. */
  #passed(headers: Headers, leads: boolean): Headers {
    if (leads || this.#options.sharing !== "global") return new Headers(headers);
    return new Headers(SHARED.flatMap((name) => (headers.has(name) ? [[name, headers.get(name) as string]] : [])));
  }

  #outcome({ request }: Asked, leads: boolean): string {
    if (request === undefined) return "bypass";
    if (!leads) return "shared";
    return request.refresh ? "refresh" : "miss";
  }

  #countShared({ request, startedAt }: Asked, answer: StoredAnswer): void {
    if (request === undefined) return;
    const found = { value: prepareReplay(answer), tier: "coalesced", expiresAt: undefined, cost: 0 };
    this.#options.cache.hit(request, found, startedAt);
  }

  #hit(asked: Asked, found: FoundAnswer): Response | undefined {
    const { cache, clock } = this.#options;
    const { request, startedAt } = asked;
    if (request === undefined) return undefined;
    const hitId = cache.hitId();
    const stamp = { id: `strata-${hitId}`, created: Math.floor(clock.now() / 1_000) };
    const completion = fromStored(found.value.answer, stamp);
    if (completion === undefined) return undefined;
    const headers = new Headers({ "x-strata-cache": "hit" });
    noteHit(headers, cache.hit(request, found, startedAt, hitId), found.value.tokens);
    return this.#write(asked, completion, headers);
  }

  #write({ streams, withUsage }: Asked, completion: Completion, headers: Headers): Response {
    if (!streams) return Response.json(completion, { headers });
    for (const [name, value] of Object.entries(EVENTS)) headers.set(name, value);
    return new Response(completionEvents(completion, withUsage), { headers });
  }
}

function isOfTheAsker(beginning: Beginning): boolean {
  return beginning.kind === "whole" && OF_THE_ASKER.has(beginning.status);
}

function note(headers: Headers, outcome: string): void {
  headers.set("x-strata-cache", outcome);
}

function noteHit(headers: Headers, hit: Omit<HitMetadata, "savedUsage">, tokens: number): void {
  headers.set("x-strata-source", hit.source);
  headers.set("x-strata-tier", hit.tier);
  headers.set("x-strata-hit-id", hit.hitId);
  headers.set("x-strata-ms", hit.ms.toFixed(3));
  headers.set("x-strata-saved-tokens", String(tokens));
  if (hit.similarity !== undefined) headers.set("x-strata-similarity", hit.similarity.toFixed(4));
}

/** The stream of an exchange for one reader. A reader who goes no longer counts; what is missing at the end is an error, not an end. */
function readable(exchange: Exchange, { leave, signal, cut }: Reader): ReadableStream<Uint8Array> {
  const gone = new AbortController();
  const pieces = exchange.read(AbortSignal.any([signal, gone.signal]));
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = await pieces.next();
        if (done !== true) return controller.enqueue(encoder.encode(value));
        leave();
        controller.close();
      } catch {
        leave();
        cut();
      }
    },
    cancel() {
      gone.abort();
      leave();
    },
  });
}
