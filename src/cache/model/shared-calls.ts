/**
 * The model calls that are under way for one cache, and shared by all who ask the same meanwhile, through whichever wrapper.
 */
import type { ChatGenerationChunk } from "@langchain/core/outputs";
import { SingleFlight } from "../../core/single-flight.ts";
import type { Recording } from "./recording.ts";
import type { CacheRequest, RequestCache } from "../request-cache.ts";
import type { Replay, StoredAnswer } from "../response-codec.ts";
import type { Found } from "../tiered-store.ts";

/** How a shared call ended: in a tier, or at the model; `value` is missing when the answer cannot be given to others. */
export type Landed = { readonly found: Found<Replay> } | { readonly value: Replay | undefined };

/** A chunk as the model made it, for the leader, and taken apart, for everybody else. */
export interface RecordedChunk {
  readonly chunk: ChatGenerationChunk;
  readonly stored: StoredAnswer | undefined;
}

const shared = new WeakMap<RequestCache, SharedCalls>();

/** The calls that are under way for a cache. */
export function sharedCallsOf(cache: RequestCache): SharedCalls {
  const known = shared.get(cache) ?? new SharedCalls(cache);
  shared.set(cache, known);
  return known;
}

export class SharedCalls {
  readonly #cache: RequestCache;
  readonly #flights = new SingleFlight<Landed>();
  readonly #recordings = new Map<string, Recording<RecordedChunk>>();

  constructor(cache: RequestCache) {
    this.#cache = cache;
  }

  isUnderWay(request: CacheRequest): boolean {
    return this.#flights.isUnderWay(keyOf(request));
  }

  /** Makes a call, or joins the one that is under way; `signal` ends the wait, and the call when it is the last. */
  run(
    request: CacheRequest,
    signal: AbortSignal | undefined,
    compute: (signal: AbortSignal) => Promise<Landed>,
  ): Promise<Landed> {
    const flights = this.#cache.shares(request) ? this.#flights : new SingleFlight<Landed>();
    const tell = async (all: AbortSignal): Promise<Landed> => {
      try {
        const landed = await compute(all);
        if ("value" in landed && landed.value === undefined) this.#cache.giveUp(request);
        return landed;
      } catch (error) {
        this.#cache.giveUp(request);
        throw error;
      }
    };
    return flights.run(keyOf(request), tell, signal === undefined ? {} : { signal });
  }

  /** What the stream under way for this request has said so far, if it is a stream. */
  recordingOf(request: CacheRequest): Recording<RecordedChunk> | undefined {
    return this.#cache.shares(request) ? this.#recordings.get(keyOf(request)) : undefined;
  }

  /** Lets others follow a stream for as long as `record` takes. */
  async recorded<R>(request: CacheRequest, recording: Recording<RecordedChunk>, record: () => Promise<R>): Promise<R> {
    const key = keyOf(request);
    if (this.#cache.shares(request)) this.#recordings.set(key, recording);
    try {
      return await record();
    } finally {
      if (this.#recordings.get(key) === recording) this.#recordings.delete(key);
      recording.end();
    }
  }
}

/** Who asks for a fresh answer must not be given one that was looked up. */
function keyOf({ key, refresh }: CacheRequest): string {
  return refresh ? `refresh ${key}` : key;
}

/** Why a stream that nobody reads any more ends. */
export const LEFT: Error = new Error("The last reader of this stream has left.");

/**
 * The signal that the model gets: aborted by callers, not by readers who leave. These close the stream, as they would close the
 * model's own; to abort it, where nobody asked for that, ends in unhandled rejections in the client of Google.
 */
export function unlessLeft(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const pass = (): void => {
    if (signal.reason !== LEFT) controller.abort(signal.reason);
  };
  signal.addEventListener("abort", pass, { once: true });
  return controller.signal;
}
