import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import type { TieredCache } from "../cache/tiered-cache.ts";
import type { Clock } from "../core/clock.ts";
import { StrataConfigError } from "../core/errors.ts";
import {
  parseByteSize,
  parseChoice,
  parseClock,
  parseDuration,
  refuseUnknown,
  type ByteSize,
  type Duration,
} from "../core/options.ts";
import type { AdaptiveMemoryRetriever } from "../memory/memory-retriever.ts";
import type { Reranker } from "../rerank/reranker.ts";
import type { Sharing } from "./chat/chat-request.ts";

/** What a server serves. A part that is not given has no route: it answers 404, and says so. */
export interface ServeParts {
  readonly cache: TieredCache;
  readonly embeddings?: { readonly model: string; readonly embeddings: EmbeddingsInterface } | undefined;
  readonly reranker?: Reranker | undefined;
  readonly memory?: AdaptiveMemoryRetriever | undefined;
  /** What `GET /stats` adds to the server's own figures. */
  readonly stats?: (() => object | Promise<object>) | undefined;
}

export interface ServeOptions {
  readonly parts: ServeParts;
  /** Default 0, a free one. */
  readonly port?: number | undefined;
  /** The address to bind; default 127.0.0.1. Any other needs a `token` of at least 16 characters. */
  readonly host?: string | undefined;
  /** What callers must give: `Authorization: Bearer`, or `X-Strata-Token` at the proxy, whose `Authorization` is the upstream's. */
  readonly token?: string | undefined;
  /** Names that `Host` may hold, beside those of this machine. */
  readonly hosts?: readonly string[] | undefined;
  /** Origins of pages that may call; default none. */
  readonly origins?: readonly string[] | undefined;
  /** The endpoint behind `POST /v1/chat/completions`, such as `https://api.deepseek.com/v1`; default: no proxy. */
  readonly upstream?: string | undefined;
  /** Whose answers the proxy keeps: each credential's own (default), or everybody's. */
  readonly sharing?: Sharing | undefined;
  /** Turns credentials into scopes; the same in every process that shares a tier. Needed with an `upstream`. */
  readonly secret?: string | undefined;
  /** Longest time of an answer of the upstream; default 10 minutes. */
  readonly deadline?: Duration | undefined;
  /** Longest silence in a stream of the upstream; default 2 minutes. */
  readonly silence?: Duration | undefined;
  /** Of a request; default 8 MiB. */
  readonly maxBody?: ByteSize | undefined;
  /** How long requests under way may take when the server closes; default 30 s. */
  readonly grace?: Duration | undefined;
  /** For tests; default the machine's. */
  readonly clock?: Clock | undefined;
}

export interface ServeSettings extends ServeOptions {
  readonly host: string;
  readonly clock: Clock;
  readonly sharing: Sharing;
  readonly maxBytes: number;
  readonly deadlineMs: number;
  readonly silenceMs: number;
  readonly graceMs: number;
}

const OPTIONS = [
  ...["parts", "port", "host", "token", "hosts", "origins", "upstream", "sharing", "secret", "deadline", "silence", "maxBody"],
  ...["grace", "clock"],
];

/** Nobody counts wrong tries. */
const SHORTEST_TOKEN = 16;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

/** @throws {@link StrataConfigError} naming the option, the value and what is accepted */
export function readServeOptions(options: ServeOptions): ServeSettings {
  refuseUnknown("serve", options, OPTIONS);
  const { host = "127.0.0.1", token, upstream, secret } = options;
  if (!LOOPBACK.test(host) && (token === undefined || token.length < SHORTEST_TOKEN)) {
    const accepted = `at least ${SHORTEST_TOKEN} characters, since ${host} can be reached from other machines`;
    throw new StrataConfigError("token", undefined, accepted);
  }
  if (upstream !== undefined && (typeof secret !== "string" || secret.length < 16)) {
    throw new StrataConfigError("secret", undefined, "at least 16 characters that nobody can guess");
  }
  return {
    ...options,
    ...{ host, clock: parseClock(options.clock), upstream: upstream === undefined ? undefined : parseUpstream(upstream) },
    sharing: parseChoice("sharing", options.sharing ?? "credential", ["credential", "global"]),
    maxBytes: parseByteSize("maxBody", options.maxBody ?? "8mb"),
    deadlineMs: parseDuration("deadline", options.deadline ?? "10m"),
    silenceMs: parseDuration("silence", options.silence ?? "2m"),
    graceMs: parseDuration("grace", options.grace ?? "30s"),
  };
}

/** A password in the address would be shown by whoever shows the address, such as `GET /stats`. */
function parseUpstream(value: string): string {
  const accepted = "the address of an API, with http:// or https:// and without a user, a query or a fragment";
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.username + url.password !== "" ||
    url.search !== "" ||
    url.hash !== ""
  ) {
    throw new StrataConfigError("upstream", undefined, accepted);
  }
  return url.href.replace(/\/+$/, "").replace(/\/chat\/completions$/, "");
}
