import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import type { Runnable } from "@langchain/core/runnables";
import { RunnableBinding, RunnableSequence, type RunnableConfig } from "@langchain/core/runnables";
import type { BaseMessage } from "@langchain/core/messages";
import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { StrataConfigError } from "../../core/errors.ts";
import { parseChoice, parseDuration, refuseUnknown, type Duration } from "../../core/options.ts";
import { controlResolver, type ScopeOption } from "../call-control.ts";
import { eventsOf } from "./chunk-events.ts";
import { CALL_CONFIG, ModelCalls, type ModelCallOptions, type ModelCallsOptions } from "./model-calls.ts";
import { requestsOf } from "../request-cache.ts";
import type { TieredCache } from "../tiered-cache.ts";

export interface CacheModelOptions {
  /** Where answers are looked up and kept. */
  readonly cache: TieredCache;
  /** Whose entries these are; default: the cache's own scope. */
  readonly scope?: ScopeOption | undefined;
  /** How long an answer lives; default: the cache's own. */
  readonly ttl?: Duration | undefined;
  /**
   * How a stored answer is streamed: `"instant"` (default), in chunks of up to 200 characters as fast as they are read, or
   * `"paced"`, about 100 tokens a second, and never longer than the model took.
   */
  readonly replay?: "instant" | "paced" | undefined;
}

/**
 * The same model, with a cache under every way of asking it: `invoke`, `stream`, `streamEvents`, `batch`, with tools, with
 * structured output, in chains and in agents.
 *
 * Other than a cache in the model's `cache` field, which is told of a call by two lossy texts and only for `invoke`, it sees the
 * messages and options themselves. An answer that was invoked can be streamed later, and the other way round; a hit is streamed
 * with its reasoning before its text. Identical calls at the same time share one call of the model. What a call may ask
 * of the cache (`configurable.strata`) works here without LangGraph or async storage.
 *
 * The result is a view of the model: it has the model's class, and what is set on it is set on the model. Only its `cache` field
 * is ignored, so that nothing is cached twice.
 * @throws {@link StrataConfigError} naming the option, the value and what is accepted
 * @example
 * ```ts
 * const model = cacheModel(new ChatDeepSeek({ model: "deepseek-reasoner" }), { cache: new TieredCache() });
 * for await (const chunk of await model.stream("Why is the sky blue?")) process.stdout.write(chunk.text);
 * ```
 */
export function cacheModel<M extends BaseChatModel>(model: M, options: CacheModelOptions): M {
  if (!isChatModel(model)) throw new StrataConfigError("model", model, "a chat model, such as new ChatDeepSeek({ … })");
  return view(model, readOptions(options)) as M;
}

/**
 * As `cacheModel`, for whatever an agent has in the place of its model: a model, or one with a config or tools bound to it.
 * @returns a function that also takes the ids of tool calls which no replay may use again
 */
export function runnableCacher(options: CacheModelOptions): <R>(runnable: R, takenIds: ReadonlySet<string>) => R {
  const read = readOptions(options);
  return <R>(runnable: R, takenIds: ReadonlySet<string>) => withCalls(runnable, { ...read, takenIds }) as R;
}

const OPTIONS = ["cache", "scope", "ttl", "replay"] as const;

function readOptions(options: CacheModelOptions): ModelCallsOptions {
  refuseUnknown("cacheModel", options, OPTIONS);
  const { cache, scope, ttl } = options;
  const requests = requestsOf(cache);
  return {
    cache: requests,
    control: scope === undefined ? (config) => requests.control(config) : controlResolver(scope, requests.modelId),
    ttlMs: ttl === undefined ? undefined : parseDuration("ttl", ttl),
    replay: parseChoice("replay", options.replay ?? "instant", ["instant", "paced"]),
  };
}

/** What is behind each view, so that no view is put on a view. */
const views = new WeakMap<object, { readonly model: BaseChatModel; readonly options: ModelCallsOptions }>();

/** Methods that give another runnable, which has to be cached like this one. */
const DERIVING = ["withConfig", "withStructuredOutput", "bind"] as const;

/**
 * What models say of themselves, asking nobody. Called on the model itself, for a view has none of the `#private` fields of the
 * model's class.
 */
const DESCRIBING = [
  ...["_llmType", "_modelType", "_identifyingParams", "getLsParams", "invocationParams", "_combineLLMOutput"],
  ...["getNumTokens", "toJSON"],
];

/**
 * A proxy rather than an object that inherits from the model: what methods store on `this` (clients that are opened at the first
 * call) reaches the model, and so do its settings.
 */
function view(given: BaseChatModel, options: ModelCallsOptions): BaseChatModel {
  const model = views.get(given)?.model ?? given;
  const calls = new ModelCalls(model, options);
  const methods = new Map<PropertyKey, unknown>(Object.entries(cachedMethods(model, calls, options)));
  const viewed = new Proxy(model, {
    get: (target, name) => {
      if (name === "cache") return undefined;
      return methods.get(name) ?? (Reflect.get(target, name) as unknown);
    },
    set: (target, name, value) => Reflect.set(target, name, value),
  });
  views.set(viewed, { model, options });
  return viewed;
}

type Method = (this: BaseChatModel, ...args: unknown[]) => unknown;

/** What LangChain takes apart and hands on separately: the config of a call, and the options that the model gets. */
type Separate = (this: BaseChatModel, given?: object) => [RunnableConfig, object];

function cachedMethods(model: BaseChatModel, calls: ModelCalls, options: ModelCallsOptions): Record<string, unknown> {
  const own = model as unknown as Record<string, unknown>;
  const methods: Record<string, unknown> = {};

  const separate = own["_separateRunnableConfigFromCallOptionsCompat"] as Separate;
  methods["_separateRunnableConfigFromCallOptionsCompat"] = function (this: BaseChatModel, given?: object): [object, object] {
    const [config, call] = separate.call(this, given);
    return [config, { ...call, [CALL_CONFIG]: config }];
  };

  methods["_generate"] = (messages: BaseMessage[], call: ModelCallOptions, runManager?: CallbackManagerForLLMRun) =>
    calls.generate(messages, call, runManager);

  // A model that does not stream is invoked where it should; so is this one, then.
  if (own["_streamResponseChunks"] !== Reflect.get(BaseChatModel.prototype, "_streamResponseChunks")) {
    const stream = (messages: BaseMessage[], call: ModelCallOptions, runManager?: CallbackManagerForLLMRun) =>
      calls.stream(messages, call, runManager);
    methods["_streamResponseChunks"] = stream;
    methods["_streamChatModelEvents"] = (messages: BaseMessage[], call: ModelCallOptions) => eventsOf(stream(messages, call));
  }

  for (const name of DERIVING) {
    const derive = own[name];
    if (typeof derive !== "function") continue;
    methods[name] = function (this: BaseChatModel, ...args: unknown[]): unknown {
      return withCalls((derive as Method).apply(this, args), options);
    };
  }

  for (const name of DESCRIBING) {
    const describe = own[name];
    if (typeof describe === "function") methods[name] = (...args: unknown[]) => (describe as Method).apply(model, args);
  }
  const bindTools = own["bindTools"];
  if (typeof bindTools === "function") {
    methods["bindTools"] = (...args: unknown[]) => withCalls((bindTools as Method).apply(model, args), options);
  }

  // `initChatModel` gives a model that looks for the real one with each call.
  const find = own["_getModelInstance"];
  if (typeof find === "function") {
    methods["_getModelInstance"] = async (...args: unknown[]) => withCalls(await (find as Method).apply(model, args), options);
  }
  return methods;
}

/** Puts the cache under the model inside a runnable, if it is not there. */
function withCalls(runnable: unknown, options: ModelCallsOptions): unknown {
  if (isChatModel(runnable)) return views.get(runnable)?.options === options ? runnable : view(runnable, options);
  if (RunnableBinding.isRunnableBinding(runnable)) {
    const bound = withCalls(runnable.bound, options) as Runnable;
    if (bound === runnable.bound) return runnable;
    const { kwargs, config, configFactories } = runnable;
    return new RunnableBinding({ bound, config, ...(kwargs && { kwargs }), ...(configFactories && { configFactories }) });
  }
  if (RunnableSequence.isRunnableSequence(runnable)) {
    const [first, ...others] = runnable.steps as [Runnable, ...Runnable[]];
    const cached = withCalls(first, options) as Runnable;
    if (cached === first) return runnable;
    return RunnableSequence.from([cached, ...others] as never, runnable.name);
  }
  return runnable;
}

function isChatModel(value: unknown): value is BaseChatModel {
  const { _generate, _streamResponseChunks, _llmType } = (value ?? {}) as Partial<BaseChatModel>;
  return [_generate, _streamResponseChunks, _llmType].every((method) => typeof method === "function");
}
