/**
 * What one call may ask of the cache, through `RunnableConfig.configurable.strata`, and whose call it is.
 *
 * As a `BaseCache` the cache is not handed the config. LangChain keeps it in async storage inside lambdas, graphs and agents; a
 * bare `model.invoke(x, config)` and a chain of it, `prompt.pipe(model).invoke(x, config)`, do not, so there is no config there,
 * and a scope that needs one is not found: no caching.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { RunnableConfig } from "@langchain/core/runnables";
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import { letGo } from "../core/abort.ts";
import { StrataConfigError } from "../core/errors.ts";
import { parseDuration, refuseUnknown, type Duration } from "../core/options.ts";
import { scopeDigest, widerScopes, type Scope } from "../core/scope.ts";
import { parseTags } from "./tags.ts";
import type { Digest } from "../core/key.ts";

/**
 * Given per call, as `configurable.strata` of the config of a lambda, graph or agent: `agent.invoke(x, { configurable: { strata:
 * { refresh: true } } })`. A bare `model.invoke(x, config)` with a `BaseCache`, and a chain of it, do not pass it on; a model from
 * `cacheModel` does.
 * What it says wrongly turns caching off for the call (`bad-control`).
 */
export interface CallControl {
  /** Neither look nor store. */
  readonly bypass?: boolean | undefined;
  /** Do not look, but store. */
  readonly refresh?: boolean | undefined;
  /** In place of the cache's own. */
  readonly ttl?: Duration | undefined;
  /** Labels to remove the entry by. */
  readonly tags?: readonly string[] | undefined;
  /** In place of the cache's own. */
  readonly scope?: Scope | "global" | undefined;
  /** Names of the documents that were retrieved for this call: another set of them is another context for the semantic step. */
  readonly documents?: readonly string[] | undefined;
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
  /** The call's control, or its scope function, could not be read: no caching. */
  readonly unreadable?: boolean;
  readonly refresh: boolean;
  readonly ttlMs: number | undefined;
  readonly tags: readonly string[];
  /** `undefined` = no scope where one is required: no caching. */
  readonly scope: Digest | undefined;
  /** The wider scopes that this one lies within; needed only when something is stored. */
  readonly within: () => readonly Digest[];
  readonly documents?: readonly string[] | undefined;
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
  // LangChain keeps configs for whoever asks only once somebody has set this up; langgraph does, core alone does not.
  if (fixed === undefined) AsyncLocalStorageProviderSingleton.initializeGlobalInstance(new AsyncLocalStorage());
  const plain: ResolvedControl = { bypass: false, refresh: false, ttlMs: undefined, tags: [], ...(fixed ?? NO_SCOPE) };
  return (config) => {
    const asked = parseControl(config?.configurable?.["strata"]);
    if (asked === undefined && typeof scope !== "function") return plain;
    return {
      bypass: asked?.bypass === true,
      refresh: asked?.refresh === true,
      ttlMs: asked?.ttl === undefined ? undefined : parseDuration("configurable.strata.ttl", asked.ttl),
      tags: asked?.tags === undefined ? [] : parseTags("configurable.strata.tags", asked.tags),
      ...(asked?.documents !== undefined && { documents: parseDocuments(asked.documents) }),
      ...(asked?.scope === undefined ? (fixed ?? fromFunction(scope, config, modelId)) : describeScope(asked.scope)),
    };
  };
}

/** A misspelt wish would be granted by doing the opposite; so it is refused. */
function parseControl(asked: unknown): CallControl | undefined {
  if (asked === undefined || asked === null) return undefined;
  if (typeof asked !== "object" || Array.isArray(asked)) {
    throw new StrataConfigError("configurable.strata", asked, "{ bypass, refresh, ttl, tags, scope, documents }");
  }
  refuseUnknown("configurable.strata", asked, ["bypass", "refresh", "ttl", "tags", "scope", "documents"]);
  const control = asked as CallControl;
  for (const name of ["bypass", "refresh"] as const) {
    const value: unknown = control[name];
    if (value !== undefined && typeof value !== "boolean") {
      throw new StrataConfigError(`configurable.strata.${name}`, value, "true or false");
    }
  }
  return control;
}

function parseDocuments(documents: unknown): readonly string[] {
  if (!Array.isArray(documents) || !documents.every((name) => typeof name === "string")) {
    throw new StrataConfigError("configurable.strata.documents", documents, "a list of texts");
  }
  return documents;
}

type ScopeDescription = Pick<ResolvedControl, "scope" | "within">;

const NO_SCOPE: ScopeDescription = { scope: undefined, within: () => [] };

function describeScope(scope: Scope | "global"): ScopeDescription {
  let wider: readonly Digest[] | undefined;
  return { scope: scopeDigest(scope), within: () => (wider ??= widerScopes(scope)) };
}

function fromFunction(scope: ScopeOption, config: RunnableConfig | undefined, modelId: string | undefined): ScopeDescription {
  if (typeof scope !== "function") return NO_SCOPE;
  let given: Scope | undefined;
  try {
    given = scope({ ...(config !== undefined && { config }), ...(modelId !== undefined && { modelId }) });
  } catch {
    // The user's own function, such as one that reads a field of a config that is not there: no scope can be told.
    return NO_SCOPE;
  }
  letGo(given);
  return given === undefined ? NO_SCOPE : describeScope(given);
}
