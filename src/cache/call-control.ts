/**
 * What one call may ask of the cache, through `RunnableConfig.configurable.strata`, and whose call it is.
 *
 * As a `BaseCache` the cache is not handed the config. LangChain keeps it in async storage inside chains, graphs and agents; a
 * bare `model.invoke(x, config)` does not, so there is no config there, and a scope that needs one is not found: no caching.
 */
import type { RunnableConfig } from "@langchain/core/runnables";
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import { parseDuration, type Duration } from "../core/options.ts";
import { scopeDigest, widerScopes, type Scope } from "../core/scope.ts";
import { parseTags } from "./tags.ts";
import type { Digest } from "../core/key.ts";

/** Given per call: `model.invoke(x, { configurable: { strata: { refresh: true } } })`. */
export interface CallControl {
  /** Neither look nor store. */
  readonly bypass?: boolean;
  /** Do not look, but store. */
  readonly refresh?: boolean;
  readonly ttl?: Duration;
  readonly tags?: readonly string[];
  readonly scope?: Scope | "global";
}

/** What a scope function is given. */
export interface CallContext {
  readonly config?: RunnableConfig;
  readonly modelId?: string;
}

/** Whose entries these are: everybody's, a fixed scope, or one for each call; `undefined` from the function = no caching. */
export type ScopeOption = "global" | Scope | ((context: CallContext) => Scope | undefined);

/** A call's control, parsed. */
export interface ResolvedControl {
  readonly bypass: boolean;
  readonly refresh: boolean;
  readonly ttlMs: number | undefined;
  readonly tags: readonly string[];
  /** `undefined` = no scope where one is required: no caching. */
  readonly scope: Digest | undefined;
  /** The wider scopes that this one lies within; needed only when something is stored. */
  readonly within: () => readonly Digest[];
}

export type ResolveControl = (config: RunnableConfig | undefined) => ResolvedControl;

/** The config of the runnable that is being run, where LangChain makes it known. */
export function currentConfig(): RunnableConfig | undefined {
  return AsyncLocalStorageProviderSingleton.getRunnableConfig() as RunnableConfig | undefined;
}

/**
 * Prepares the resolution of calls; what does not depend on the call is computed once.
 * @throws {@link StrataConfigError} for a fixed scope that is none
 */
export function controlResolver(scope: ScopeOption, modelId: string | undefined): ResolveControl {
  const fixed = typeof scope === "function" ? undefined : describeScope(scope);
  const plain: ResolvedControl = { bypass: false, refresh: false, ttlMs: undefined, tags: [], ...(fixed ?? NO_SCOPE) };
  return (config) => {
    const asked = config?.configurable?.["strata"] as CallControl | undefined;
    if (asked === undefined && typeof scope !== "function") return plain;
    return {
      bypass: asked?.bypass === true,
      refresh: asked?.refresh === true,
      ttlMs: asked?.ttl === undefined ? undefined : parseDuration("configurable.strata.ttl", asked.ttl),
      tags: asked?.tags === undefined ? [] : parseTags("configurable.strata.tags", asked.tags),
      ...(asked?.scope === undefined ? (fixed ?? fromFunction(scope, config, modelId)) : describeScope(asked.scope)),
    };
  };
}

type ScopeDescription = Pick<ResolvedControl, "scope" | "within">;

const NO_SCOPE: ScopeDescription = { scope: undefined, within: () => [] };

function describeScope(scope: Scope | "global"): ScopeDescription {
  let wider: readonly Digest[] | undefined;
  return { scope: scopeDigest(scope), within: () => (wider ??= widerScopes(scope)) };
}

function fromFunction(scope: ScopeOption, config: RunnableConfig | undefined, modelId: string | undefined): ScopeDescription {
  if (typeof scope !== "function") return NO_SCOPE;
  const given = scope({ ...(config !== undefined && { config }), ...(modelId !== undefined && { modelId }) });
  return given === undefined ? NO_SCOPE : describeScope(given);
}
