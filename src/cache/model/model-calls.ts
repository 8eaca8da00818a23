/**
 * The calls of one cached model: look up, or join an identical call under way, or ask the model and keep what it says.
 *
 * Identical calls share one, across every wrapper of the same cache. Whoever comes first leads; the model's call belongs to all:
 * one caller's abort ends that caller's wait only, and the model is stopped when nobody waits any more. When the model fails, all
 * who wait get its error: LangChain's models retry by themselves, and a thousand callers who each try again are a stampede. Who
 * follows a stream gets it from its beginning, as it comes.
 *
 * Kept is what was read to its end: a stream that was abandoned, aborted or cut off is not an answer.
 */
import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatGeneration, type ChatResult, type Generation } from "@langchain/core/outputs";
import type { RunnableConfig } from "@langchain/core/runnables";
import { isPromise, type MaybePromise } from "../../core/abort.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { forRequest, withPlaceholders } from "./answer-references.ts";
import { currentConfig, type ResolveControl } from "../call-control.ts";
import { callParameters, modelIdentity } from "./model-identity.ts";
import { Recording } from "./recording.ts";
import { canonicalRequest, type CanonicalRequest } from "./request.ts";
import type { CacheRequest, RequestCache } from "../request-cache.ts";
import { encodeAnswer, prepareReplay, type HitMetadata, type Replay, type StoredAnswer } from "../response-codec.ts";
import { turnOf, type ReadTurn } from "../semantic/turn.ts";
import { LEFT, sharedCallsOf, unlessLeft, type Landed, type RecordedChunk, type SharedCalls } from "./shared-calls.ts";
import { closingChunk, replayChunks, sharedChunk, type ReplayPace } from "./stream-replay.ts";
import type { Found } from "../tiered-store.ts";
import { asMessages, WholeStream } from "./whole-stream.ts";

/** Under this key the options of a call carry the config that it was made with, from where LangChain takes the two apart. */
export const CALL_CONFIG: unique symbol = Symbol("langchain-strata.config");

export type ModelCallOptions = {
  readonly signal?: AbortSignal;
  readonly promptIndex?: number;
  readonly [CALL_CONFIG]?: RunnableConfig;
};

export interface ModelCallsOptions {
  readonly cache: RequestCache;
  readonly control: ResolveControl;
  readonly ttlMs: number | undefined;
  readonly replay: ReplayPace;
  /** Ids of tool calls that must not be given out again, besides those in the request. */
  readonly takenIds?: ReadonlySet<string>;
}

/** A call that may be cached. */
interface Call {
  readonly request: CacheRequest;
  readonly canonical: CanonicalRequest;
  readonly startedAt: number;
}

export class ModelCalls {
  readonly #model: BaseChatModel;
  readonly #options: ModelCallsOptions;
  readonly #shared: SharedCalls;

  constructor(model: BaseChatModel, options: ModelCallsOptions) {
    this.#model = model;
    this.#options = options;
    this.#shared = sharedCallsOf(options.cache);
  }

  /** In place of the model's `_generate`. */
  async generate(
    messages: BaseMessage[],
    options: ModelCallOptions,
    runManager: CallbackManagerForLLMRun | undefined,
  ): Promise<ChatResult> {
    const { signal } = options;
    signal?.throwIfAborted();
    const plain = withoutConfig(options);
    const call = this.#open(messages, options);
    if (call === undefined) return this.#model._generate(messages, plain, runManager);
    const reading = this.#look(call);
    if (reading !== undefined && !isPromise(reading)) return { generations: this.#build(call, reading) };

    let made: ChatResult | undefined;
    const sharing = this.#shared.run(call.request, signal, async (shared) => {
      const found = (await reading) ?? (await this.#findElsewhere(call));
      if (found !== undefined) return { found };
      const startedAt = this.#missed(call);
      // Without a signal, some models ask for the answer in one piece; it is theirs to decide.
      const asked = signal === undefined ? plain : { ...plain, signal: shared };
      made = await this.#model._generate(messages, asked, runManager);
      // Some models end quietly with what they have when they are aborted.
      shared.throwIfAborted();
      return { value: this.#keep(call, made.generations, startedAt) };
    });
    // Where a stream leads, it need not wait for its reader any more.
    this.#shared.recordingOf(call.request)?.wantAll();
    const landed = await sharing;
    if (made !== undefined) return made;
    const found = asFound(landed);
    if (found === undefined) return this.#model._generate(messages, plain, runManager);
    return { generations: this.#build(call, found) };
  }

  /** In place of the model's `_streamResponseChunks`. */
  async *stream(
    messages: BaseMessage[],
    options: ModelCallOptions,
    runManager: CallbackManagerForLLMRun | undefined,
  ): AsyncGenerator<ChatGenerationChunk> {
    options.signal?.throwIfAborted();
    const plain = withoutConfig(options);
    const call = this.#open(messages, options);
    if (call === undefined) return yield* this.#model._streamResponseChunks(messages, plain, runManager);
    // LangChain learns of the chunks of a stream from the model; those of a replay, and of a shared stream, it learns from here.
    for await (const chunk of this.#chunks(call, messages, plain, options.signal)) {
      yield chunk;
      const place = { prompt: options.promptIndex ?? 0, completion: Number(chunk.generationInfo?.["completion"] ?? 0) };
      await runManager?.handleLLMNewToken(chunk.text, place, undefined, undefined, undefined, { chunk });
    }
  }

  async *#chunks(
    call: Call,
    messages: BaseMessage[],
    plain: object,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ChatGenerationChunk> {
    const reading = this.#look(call);
    if (reading !== undefined && !isPromise(reading)) return yield* this.#replay(call, reading, signal);

    const reader = new AbortController();
    // Not `AbortSignal.any`, which some releases of Node 20 keep for as long as the caller's signal lives.
    const stop = (): void => reader.abort(signal?.reason);
    signal?.addEventListener("abort", stop, { once: true });
    let mine: Recording<RecordedChunk> | undefined;
    const landing = this.#shared.run(call.request, reader.signal, (shared) => {
      const recording = new Recording<RecordedChunk>();
      mine = recording;
      const asked = signal === undefined ? plain : { ...plain, signal: unlessLeft(shared) };
      return this.#shared.recorded(call.request, recording, async () => {
        const found = (await reading) ?? (await this.#findElsewhere(call));
        return found === undefined ? this.#record(call, recording, shared, messages, asked) : { found };
      });
    });
    // Awaited below, after what was recorded has been read; a reader who leaves earlier does not want to know.
    landing.catch(() => undefined);
    try {
      if (mine !== undefined) {
        for await (const { chunk } of mine.read(signal)) yield chunk;
        const landed = await landing;
        if ("found" in landed) yield* this.#replay(call, landed.found, signal);
        return;
      }
      const recording = this.#shared.recordingOf(call.request);
      const hitId = this.#options.cache.hitId();
      let isFollowing = false;
      for await (const recorded of recording?.read(signal) ?? []) {
        isFollowing = true;
        yield this.#copy(recorded, call, hitId);
      }
      const landed = await landing;
      const found = asFound(landed);
      if (isFollowing) {
        const hit = this.#options.cache.hit(call.request, found ?? NOTHING_FOUND, call.startedAt, hitId);
        yield closingChunk({ ...hit, savedUsage: usageOf(found?.value.answer) });
        return;
      }
      if (found !== undefined) return yield* this.#replay(call, found, signal);
    } finally {
      signal?.removeEventListener("abort", stop);
      reader.abort(LEFT);
    }
    // The leader's answer cannot be given to others.
    yield* this.#model._streamResponseChunks(messages, { ...plain, ...(signal && { signal }) });
  }

  /** Reads the model's stream, as far as anybody listens. */
  async #record(
    call: Call,
    recording: Recording<RecordedChunk>,
    signal: AbortSignal,
    messages: BaseMessage[],
    options: object,
  ): Promise<Landed> {
    const startedAt = this.#missed(call);
    const whole = new WholeStream();
    for await (const chunk of this.#model._streamResponseChunks(messages, options)) {
      signal.throwIfAborted();
      whole.add(chunk);
      recording.push({ chunk, stored: this.#takeApart(chunk, call) });
      await recording.untilWanted(signal);
    }
    // Some models end quietly with what they have when they are aborted.
    signal.throwIfAborted();
    if (whole.isComplete) return { value: this.#keep(call, whole.generations, startedAt, asMessages) };
    this.#options.cache.bypass("not-admitted");
    return { value: undefined };
  }

  /** Reads the call; `undefined` when it is none of the cache's business. Never throws: the model call goes on. */
  #open(messages: BaseMessage[], options: ModelCallOptions): Call | undefined {
    const { cache, control, ttlMs } = this.#options;
    const startedAt = cache.clock.monotonic();
    try {
      const asked = control(options[CALL_CONFIG] ?? currentConfig());
      const identity = modelIdentity(this.#model, cache.modelId);
      const parameters = callParameters(this.#model, withoutConfig(options));
      const canonical = canonicalRequest(messages, parameters);
      const extras = cache.semanticExtras;
      const turn = extras === undefined ? undefined : (): ReadTurn => turnOf(messages, parameters, extras);
      const request = cache.accept(identity, canonical.text, { ...asked, ttlMs: asked.ttlMs ?? ttlMs }, turn);
      return request === undefined ? undefined : { request, canonical, startedAt };
    } catch (error) {
      cache.bypass(error instanceof StrataConfigError ? "bad-control" : "unstorable");
      return undefined;
    }
  }

  /** A read, unless somebody is at it already. */
  #look({ request }: Call): MaybePromise<Found<Replay> | undefined> {
    const { cache } = this.#options;
    if (request.refresh) return undefined;
    // With stale answers the tiers are asked first: while one caller refreshes, the others are served and need not wait.
    if (!cache.servesStale && this.#shared.isUnderWay(request)) return undefined;
    return cache.find(request);
  }

  #findElsewhere({ request, startedAt }: Call): Promise<Found<Replay> | undefined> {
    return this.#options.cache.findElsewhere(request, startedAt);
  }

  #missed({ request, startedAt }: Call): number {
    const { cache } = this.#options;
    if (!request.refresh) cache.miss(request, startedAt);
    return cache.clock.monotonic();
  }

  /** Hands an answer to the tiers; gives it in the form in which others can have it. */
  #keep(
    call: Call,
    generations: Generation[],
    startedAt: number,
    shape: (answer: StoredAnswer) => StoredAnswer = (answer) => answer,
  ): Replay | undefined {
    const { cache } = this.#options;
    try {
      const answer = withPlaceholders(shape(encodeAnswer(generations)), call.canonical.generatedTools);
      const value = prepareReplay(answer);
      void cache.keep(call.request, { answer, value, generations, ms: cache.clock.monotonic() - startedAt });
      return value;
    } catch {
      cache.bypass("unstorable");
      return undefined;
    }
  }

  #takeApart(chunk: ChatGenerationChunk, { request, canonical }: Call): StoredAnswer | undefined {
    if (!this.#options.cache.shares(request)) return undefined;
    try {
      return withPlaceholders(encodeAnswer([chunk]), canonical.generatedTools);
    } catch {
      // It is followed all the same; the whole answer is refused, and counted, when it is there.
      return undefined;
    }
  }

  #copy({ chunk, stored }: RecordedChunk, { canonical }: Call, hitId: string): ChatGenerationChunk {
    if (stored === undefined) return new ChatGenerationChunk({ text: "", message: new AIMessageChunk("") }).concat(chunk);
    return sharedChunk(forRequest(stored, canonical.generatedTools, this.#takenIds(canonical), hitId), hitId);
  }

  #build({ request, canonical, startedAt }: Call, found: Found<Replay>): ChatGeneration[] {
    const hit = this.#options.cache.hit(request, found, startedAt);
    const answer = forRequest(found.value.answer, canonical.generatedTools, this.#takenIds(canonical), hit.hitId);
    const value = answer === found.value.answer ? found.value : prepareReplay(answer);
    return value.build(hit) as ChatGeneration[];
  }

  #takenIds({ toolCallIds }: CanonicalRequest): ReadonlySet<string> {
    const { takenIds } = this.#options;
    return takenIds === undefined ? toolCallIds : new Set([...toolCallIds, ...takenIds]);
  }

  #replay(call: Call, found: Found<Replay>, signal: AbortSignal | undefined): AsyncGenerator<ChatGenerationChunk> {
    const { cache, replay: pace } = this.#options;
    const tookMs = found.cost > 0 ? found.cost : undefined;
    return replayChunks(this.#build(call, found), { pace, clock: cache.clock, signal, tookMs });
  }
}

function asFound(landed: Landed): Found<Replay> | undefined {
  if ("found" in landed) return landed.found;
  return landed.value && { value: landed.value, tier: "coalesced", expiresAt: undefined, cost: 0 };
}

/** What a caller has followed who cannot be told what it saved. */
const NOTHING_FOUND: Found<Replay> = { value: prepareReplay([]), tier: "coalesced", expiresAt: undefined, cost: 0 };

function usageOf(answer: StoredAnswer | undefined): HitMetadata["savedUsage"] {
  return { ...(answer?.[0]?.message?.usage_metadata as HitMetadata["savedUsage"] | undefined) };
}

function withoutConfig({ [CALL_CONFIG]: _config, ...plain }: ModelCallOptions): Record<string, unknown> {
  return plain;
}
