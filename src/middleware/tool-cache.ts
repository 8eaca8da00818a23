import { createMiddleware } from "langchain";
import type { RunnableConfig } from "@langchain/core/runnables";
import { controlResolver, type ScopeOption } from "../cache/call-control.ts";
import { requestsOf } from "../cache/request-cache.ts";
import type { Replay } from "../cache/response-codec.ts";
import type { TieredCache } from "../cache/tiered-cache.ts";
import { StrataConfigError } from "../core/errors.ts";
import { parseDuration, refuseUnknown, type Duration } from "../core/options.ts";
import { SingleFlight } from "../core/single-flight.ts";
import type { PlainMiddleware } from "./plain-middleware.ts";
import { ToolResults, type ToolQuestion } from "./tool-results.ts";

export interface ToolCacheRule {
  /** How long a result lives; default: that of the middleware. */
  readonly ttl?: Duration | undefined;
  /** Arguments, by name, that do not change the result, such as a request id; in addition to the middleware's. */
  readonly ignoreArgs?: readonly string[] | undefined;
}

export interface ToolCacheOptions {
  /** Where results are kept, beside model answers. */
  readonly cache: TieredCache;
  /** The tools whose results are kept: names, or names with rules of their own. No other tool is touched. */
  readonly tools: readonly string[] | Readonly<Record<string, ToolCacheRule>>;
  /** How long a result lives; default: that of the cache. */
  readonly ttl?: Duration | undefined;
  /** Arguments, by name, that do not change the result of any tool. */
  readonly ignoreArgs?: readonly string[] | undefined;
  /** Whose entries these are; default: the cache's own scope. */
  readonly scope?: ScopeOption | undefined;
}

/**
 * Keeps the results of tools of an agent made with `createAgent`.
 *
 * Only tools that are named are touched, because only their author knows that they are deterministic and have no side effects.
 * Errors are never kept, nor `Command`s, which change the state of one graph; what a tool streams is not repeated. Identical calls
 * that overlap run once; when that one fails, the others run by themselves.
 *
 * As soon as an agent has any middleware for tools, langchain 1.x lets a tool's error end the run, where it would else have told
 * the model. Put `toolErrorMiddleware` of langchain before this one if the model is to be told.
 * @throws {@link StrataConfigError} naming the option, the value and what is accepted
 * @example
 * ```ts
 * toolCacheMiddleware({ cache, tools: { search_docs: { ttl: "1h", ignoreArgs: ["request_id"] } } });
 * ```
 */
export function toolCacheMiddleware(options: ToolCacheOptions): PlainMiddleware {
  refuseUnknown("toolCacheMiddleware", options, ["cache", "tools", "ttl", "ignoreArgs", "scope"]);
  const requests = requestsOf(options.cache);
  const { scope } = options;
  const control =
    scope === undefined ? (config: RunnableConfig | undefined) => requests.control(config) : controlResolver(scope, undefined);
  const results = new ToolResults(requests, control);
  const rules = readRules(options);
  const flights = new SingleFlight<Replay | undefined>();

  return createMiddleware({
    name: "ToolCacheMiddleware",
    wrapToolCall: async (request, handler) => {
      const { toolCall, tool, runtime } = request;
      const rule = rules.get(toolCall.name);
      const { configurable, signal } = runtime as Pick<RunnableConfig, "configurable" | "signal">;
      const call = rule && results.open(question(toolCall, tool, rule), configurable === undefined ? {} : { configurable });
      if (call === undefined) return handler(request);
      const callId = toolCall.id ?? "";
      const kept = await results.find(call, callId);
      if (kept !== undefined) return kept;

      let leads = false;
      let made: Awaited<ReturnType<typeof handler>> | undefined;
      const run = async (): Promise<Replay | undefined> => {
        leads = true;
        const startedAt = results.missed(call);
        made = await handler(request);
        return results.keep(call, made, startedAt);
      };
      try {
        const sharing = requests.shares(call.request) ? flights : new SingleFlight<Replay | undefined>();
        const value = await sharing.run(call.request.key, run, signal === undefined ? {} : { signal });
        if (made !== undefined) return made;
        if (value !== undefined) return results.shared(call, value, callId);
      } catch (error) {
        // What ended the first call, such as an abort, may have nothing to do with this one.
        if (leads || signal?.aborted) throw error;
      }
      return handler(request);
    },
  });
}

interface Rule {
  readonly ttlMs: number | undefined;
  readonly ignored: ReadonlySet<string>;
}

function readRules({ tools, ttl, ignoreArgs = [] }: ToolCacheOptions): ReadonlyMap<string, Rule> {
  const accepted = 'a list of names, such as ["search"], or rules by name, such as { search: { ttl: "1h" } }';
  if (typeof tools !== "object" || tools === null) throw new StrataConfigError("tools", tools, accepted);
  const named = Array.isArray(tools) ? tools.map((name: unknown) => [name, {}] as const) : Object.entries(tools);
  if (named.length === 0) throw new StrataConfigError("tools", tools, accepted);
  return new Map(
    named.map(([name, rule]: readonly [unknown, ToolCacheRule]): [string, Rule] => {
      if (typeof name !== "string" || name === "") throw new StrataConfigError("tools", name, accepted);
      if (typeof rule !== "object" || rule === null) throw new StrataConfigError(`tools.${name}`, rule, "{ ttl?, ignoreArgs? }");
      refuseUnknown(`tools.${name}`, rule, ["ttl", "ignoreArgs"]);
      const life = rule.ttl ?? ttl;
      const ttlMs = life === undefined ? undefined : parseDuration(rule.ttl === undefined ? "ttl" : `tools.${name}.ttl`, life);
      return [
        name,
        {
          ttlMs,
          ignored: new Set([...names("ignoreArgs", ignoreArgs), ...names(`tools.${name}.ignoreArgs`, rule.ignoreArgs ?? [])]),
        },
      ];
    }),
  );
}

function names(option: string, value: readonly string[]): readonly string[] {
  if (!Array.isArray(value) || !value.every((name) => typeof name === "string")) {
    throw new StrataConfigError(option, value, "a list of names of arguments");
  }
  return value;
}

function question(
  { name, args }: { readonly name: string; readonly args: Readonly<Record<string, unknown>> },
  tool: unknown,
  { ttlMs, ignored }: Rule,
): ToolQuestion {
  const { description, schema } = (tool ?? {}) as { readonly description?: unknown; readonly schema?: unknown };
  const asked = Object.fromEntries(Object.entries(args).filter(([arg]) => !ignored.has(arg)));
  return { name, description, schema, args: asked, ttlMs };
}
