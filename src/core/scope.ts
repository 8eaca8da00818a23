import { StrataConfigError } from "./errors.ts";
import { digest, type Digest } from "./key.ts";

/**
 * Whose data something is. Two scopes never see each other's entries: the scope is part of what an entry is, in its key and in
 * its envelope.
 */
export interface Scope {
  readonly tenant?: string | undefined;
  readonly user?: string | undefined;
  readonly feature?: string | undefined;
}

const PARTS = ["tenant", "user", "feature"] as const;

/** The digest of everybody's scope, which only the word `"global"` names. */
export const GLOBAL_SCOPE: Digest = digest("scope");

/**
 * The digest of a scope.
 * @throws {@link StrataConfigError} for a part that is no text, is empty, or is unknown, and for a scope without parts: neither
 * `{ tenat: "a" }` nor `{ tenant: undefined }`, nor the promise of an `async` scope function, may become everybody's
 */
export function scopeDigest(scope: Scope | "global"): Digest {
  if (scope === "global") return GLOBAL_SCOPE;
  if (typeof scope !== "object" || scope === null) throw new StrataConfigError("scope", scope, 'an object or "global"');
  const parts = scopeParts(scope);
  if (parts.length === 0) throw new StrataConfigError("scope", scope, `at least one of ${PARTS.join(", ")}, or "global"`);
  return digest("scope", ...parts.flat());
}

/**
 * The digests of the wider scopes that this one lies within: `{ tenant, user }` lies within `{ tenant }` and within `{ user }`.
 * What is forgotten of a wider scope is forgotten here too.
 */
export function widerScopes(scope: Scope | "global"): readonly Digest[] {
  if (scope === "global") return [];
  const parts = scopeParts(scope);
  const wider: Digest[] = [];
  for (let chosen = 1; chosen < 2 ** parts.length - 1; chosen++) {
    wider.push(digest("scope", ...parts.filter((_part, index) => (chosen & (1 << index)) !== 0).flat()));
  }
  return wider;
}

function scopeParts(scope: Scope): [name: string, value: string][] {
  for (const [name, value] of Object.entries(scope)) {
    if (value !== undefined && !(PARTS as readonly string[]).includes(name)) {
      throw new StrataConfigError(`scope.${name}`, value, `the parts ${PARTS.join(", ")}`);
    }
  }
  const parts: [string, string][] = [];
  for (const name of PARTS) {
    const value: unknown = scope[name];
    if (value === undefined) continue;
    if (typeof value !== "string" || value === "") {
      throw new StrataConfigError(`scope.${name}`, value, "a text that is not empty");
    }
    parts.push([name, value]);
  }
  return parts;
}
