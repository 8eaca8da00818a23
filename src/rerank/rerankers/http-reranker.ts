/** Rerank servers over HTTP: one client, a table of dialects. */
import { StrataConfigError } from "../../core/errors.ts";
import { parseCount, parseNumber, refuseUnknown } from "../../core/options.ts";
import { RerankProviderError } from "../provider-error.ts";
import type { RerankCallOptions, Reranker } from "../reranker.ts";
import { badAnswer, batchedReranker, scoresOfRows } from "./batched-reranker.ts";
import { HTTP_DIALECTS, type HttpDialect, type HttpDialectName } from "./http-dialects.ts";
import { messageIn, retryAfterMs } from "./http-failures.ts";

export interface HttpRerankerOptions {
  /** Sent as `Authorization: Bearer`, nowhere else; a function is asked for each request. */
  readonly apiKey?: string | (() => string | Promise<string>) | undefined;
  /** Of the provider; the default is in the guide's table. Servers of one's own answer with the model that they were started with. */
  readonly model?: string | undefined;
  /** Where the server is, such as `http://127.0.0.1:8080`; default the provider's own. */
  readonly baseUrl?: string | undefined;
  /** Texts of one request; default as many as the server takes. */
  readonly batchSize?: number | undefined;
  /** Characters of a text that are sent; default what the provider's models read. */
  readonly maxCharacters?: number | undefined;
  /** What the provider asks, in any currency, for the statistics; default none. */
  readonly price?: { readonly perSearch?: number | undefined; readonly perMillionTokens?: number | undefined } | undefined;
  /** Requests at a time for one call; default 2. */
  readonly concurrency?: number | undefined;
  /** Default the one of the platform. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

const OPTIONS = ["apiKey", "model", "baseUrl", "batchSize", "maxCharacters", "price", "concurrency", "fetch"];
/** Of an answer, characters: scores of a thousand texts with the texts are less. */
const LONGEST_ANSWER = 32 * 1024 * 1024;

interface Settings extends HttpDialect {
  readonly name: HttpDialectName;
  readonly url: string;
  readonly concurrency: number;
  readonly options: HttpRerankerOptions;
}

/** @throws {@link StrataConfigError} naming the option; the key is never shown */
export function httpReranker(name: HttpDialectName, options: HttpRerankerOptions): Reranker {
  const settings = parse(name, options);
  const { batchSize, maxCharacters, concurrency, scoreKind, model } = settings;
  return batchedReranker({
    ...{ name, scoreKind, model: `${settings.url} ${model ?? ""}` },
    ...{ batchSize, maxCharacters, concurrency },
    // Of 64 texts and fewer the newer Jina models read all at once.
    ...(name === "jina" && /v3/.test(model ?? "") && { listwise: true }),
    ask: (query, texts, call) => ask(settings, query, texts, call),
  });
}

async function ask(settings: Settings, query: string, texts: readonly string[], call: RerankCallOptions): Promise<number[]> {
  const { name, url, options, model } = settings;
  const key = await keyOf(settings);
  const { fetch = globalThis.fetch } = options;
  let response: Response;
  let body: string;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify(settings.body({ model, query, texts })),
      // The key and the texts are for this host alone.
      redirect: "error",
      signal: call.signal ?? null,
    });
    body = await textOf(response);
  } catch (error) {
    call.signal?.throwIfAborted();
    // Not the cause: it may hold the request.
    const why = (error as { cause?: { code?: unknown } } | undefined)?.cause?.code;
    throw new RerankProviderError(
      "UNAVAILABLE",
      `The reranker ${name} cannot be reached${typeof why === "string" ? ` (${why})` : ""}.`,
    );
  }
  const { status } = response;
  if (status !== 200) {
    const said = messageIn(body, key);
    const message = `The reranker ${name} answered with ${status}${said === "" ? "" : `: ${said}`}`;
    throw new RerankProviderError("UNAVAILABLE", message, { status, retryAfterMs: retryAfterMs(response.headers) });
  }
  return scoresIn(settings, body, texts.length, call);
}

/** Up to the bound and a piece: a server that never ends fills no memory. */
async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of response.body ?? []) {
    text += decoder.decode(piece as Uint8Array, { stream: true });
    if (text.length > LONGEST_ANSWER) break;
  }
  return text + decoder.decode();
}

function scoresIn(settings: Settings, body: string, count: number, { onUsage }: RerankCallOptions): number[] {
  const { name, score: key, options } = settings;
  if (body.length > LONGEST_ANSWER) throw badAnswer(name, `more than ${LONGEST_ANSWER} characters`);
  let answer: Record<string, unknown>;
  try {
    answer = JSON.parse(body) as Record<string, unknown>;
  } catch {
    throw badAnswer(name, "what is no JSON");
  }
  const rows: unknown = typeof answer === "object" && answer !== null ? settings.results(answer) : undefined;
  const scores = scoresOfRows(name, rows, key, count);
  const { searches, tokens } = settings.usage(answer);
  const { perSearch = 0, perMillionTokens = 0 } = options.price ?? {};
  const cost = (searches ?? 0) * perSearch + ((tokens ?? 0) / 1e6) * perMillionTokens;
  onUsage?.({ searches, tokens, cost });
  return scores;
}

async function keyOf({ name, options }: Settings): Promise<string | undefined> {
  const key = typeof options.apiKey === "function" ? await options.apiKey() : options.apiKey;
  if (key !== undefined && !isKey(key))
    throw new StrataConfigError(`${name}Reranker.apiKey`, undefined, "visible characters of ASCII");
  return key;
}

function isKey(key: unknown): boolean {
  return typeof key === "string" && /^[\x21-\x7e]+$/.test(key);
}

function parse(name: HttpDialectName, options: HttpRerankerOptions): Settings {
  const dialect = HTTP_DIALECTS[name];
  const of = (option: string): string => `${name}Reranker.${option}`;
  refuseUnknown(`${name}Reranker`, options, OPTIONS);
  const { apiKey, baseUrl = dialect.baseUrl, model = dialect.model, price = {} } = options;
  if (typeof apiKey === "function" ? false : apiKey === undefined ? dialect.needsKey : !isKey(apiKey)) {
    // Never the value.
    throw new StrataConfigError(of("apiKey"), undefined, "a key of visible ASCII characters, or a function that gives one");
  }
  if (model !== undefined && (typeof model !== "string" || model === ""))
    throw new StrataConfigError(of("model"), model, "a name");
  refuseUnknown(of("price"), price, ["perSearch", "perMillionTokens"]);
  for (const [each, value] of Object.entries(price))
    if (value !== undefined) parseNumber(of(`price.${each}`), value, 0, Infinity);
  return {
    ...dialect,
    ...{ name, options, model, url: urlOf(of("baseUrl"), baseUrl, dialect.path) },
    batchSize: parseCount(of("batchSize"), options.batchSize ?? dialect.batchSize),
    maxCharacters: parseCount(of("maxCharacters"), options.maxCharacters ?? dialect.maxCharacters),
    concurrency: parseCount(of("concurrency"), options.concurrency ?? 2),
    scoreKind: name === "jina" && /v3/.test(model ?? "") ? "similarity" : dialect.scoreKind,
  };
}

function urlOf(option: string, baseUrl: unknown, path: string): string {
  const accepted = "the address of a server, with http:// or https:// and without a user, a query or a fragment";
  let url: URL;
  try {
    url = new URL(String(baseUrl));
  } catch {
    throw new StrataConfigError(option, undefined, accepted);
  }
  // A password in an address would be shown by whoever shows the address.
  if (!/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "" || url.hash !== "") {
    throw new StrataConfigError(option, undefined, accepted);
  }
  return url.href.replace(/\/+$/, "") + path;
}
