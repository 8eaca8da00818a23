import type { RunnableConfig } from "@langchain/core/runnables";
import { controlResolver, currentConfig, type ScopeOption } from "../cache/call-control.ts";
import { StrataConfigError } from "../core/errors.ts";
import { scopeDigest, widerScopes, type Scope } from "../core/scope.ts";
import type { TableScope } from "./document-table.ts";

/** Finds whose documents a call is about: as it says itself, else as its configuration says. Fails closed. */
export type ScopeOfCall = (given?: Scope | "global", config?: RunnableConfig) => TableScope;

/**
 * @param option as the owner was made with; `"global"` = everybody's
 * @throws {@link StrataConfigError} for a fixed scope that is none; so does the returned function, where there is no scope
 */
export function scopeOfCall(owner: string, option: ScopeOption): ScopeOfCall {
  const resolve = controlResolver(option, undefined);
  return (given, config = currentConfig()) => {
    if (given !== undefined) return { scope: scopeDigest(given), within: widerScopes(given) };
    const { scope, within } = resolve(config);
    if (scope === undefined)
      throw new StrataConfigError(`${owner}.scope`, undefined, "a scope, which the scope function gave none of here");
    return { scope, within: within() };
  };
}
