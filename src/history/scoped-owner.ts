/**
 * The owner of conversations within a scope: `1` of the tenant `acme` and `1` of the tenant `globex` are two people.
 *
 * A store of conversations knows owners, not scopes. So a scope becomes part of the owner's name, each part with its length before it, as in
 * keys: `strata-scope|tenant=4:acme|owner=1:1`. No two pairs of scope and owner give the same name, and the name can be read back, which a
 * digest cannot: that is how all owners of a tenant are found when the tenant is forgotten. Stored conversations are found by it: it must
 * never change.
 */
import { StrataConfigError } from "../core/errors.ts";
import { scopeDigest, type Scope } from "../core/scope.ts";
import { acceptOwner } from "./accept.ts";

/** How every name begins that was made here. */
export const SCOPED_OWNER = "strata-scope|";

const PARTS = ["tenant", "feature", "owner"] as const;

/**
 * Under which name the conversations of an owner within a scope are kept; `strata.chat` keeps them so.
 * @param scope without a scope the owner's own name is given, as it is
 * @throws {@link StrataConfigError} for a scope that is none, a `scope.user` that is not the owner, a name that is already of a scope, and
 * parts that are longer than 1,024 characters together or cannot be stored
 * @example
 * ```ts
 * import { scopedOwner } from "langchain-strata";
 *
 * const history = strata.conversations.history({ ownerId: scopedOwner("1", { tenant: "acme" }), sessionId: "s" });
 * ```
 */
export function scopedOwner(ownerId: string, scope?: Scope): string {
  if (scope === undefined) return ownerId;
  scopeDigest(scope);
  const { tenant, feature, user = ownerId } = scope;
  if (user !== ownerId) throw new StrataConfigError("scope.user", user, "the owner, or nothing");
  if (tenant === undefined && feature === undefined) return ownerId;
  if (isScopedOwner(ownerId)) throw new StrataConfigError("ownerId", ownerId, "an owner that is not of a scope already");
  const values = { tenant, feature, owner: ownerId };
  const parts = PARTS.flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [`${name}=${value.length}:${value}`];
  });
  const name = `${SCOPED_OWNER}${parts.join("|")}`;
  acceptOwner(name);
  return name;
}

export function isScopedOwner(name: string): boolean {
  return name.startsWith(SCOPED_OWNER);
}

/** Whose conversations are kept under a name: {@link scopedOwner} backwards. A name that was not made there is an owner without a scope. */
export function scopeOfOwner(name: string): Scope {
  if (!isScopedOwner(name)) return { user: name };
  const values: Partial<Record<(typeof PARTS)[number], string>> = {};
  let rest = name.slice(SCOPED_OWNER.length);
  for (const part of PARTS) {
    const head = new RegExp(String.raw`^${part}=(\d+):`).exec(rest);
    if (head === null) continue;
    const from = head[0].length;
    const to = from + Number(head[1]);
    values[part] = rest.slice(from, to);
    rest = rest.slice(to + 1);
  }
  const { tenant, feature, owner } = values;
  return { ...(tenant !== undefined && { tenant }), ...(feature !== undefined && { feature }), user: owner ?? name };
}
