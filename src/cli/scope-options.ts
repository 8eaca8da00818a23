/** Whose data a command is about, on the command line. */
import type { Scope } from "../core/scope.ts";

export const SCOPE_OPTIONS = { tenant: { type: "string" }, user: { type: "string" }, feature: { type: "string" } } as const;

export interface ScopeValues {
  readonly tenant?: string | undefined;
  readonly user?: string | undefined;
  readonly feature?: string | undefined;
}

/** `undefined` when none of its parts was given. */
export function scopeFrom({ tenant, user, feature }: ScopeValues): Scope | undefined {
  const parts = Object.entries({ tenant, user, feature }).filter(([, value]) => value !== undefined);
  return parts.length === 0 ? undefined : Object.fromEntries(parts);
}
