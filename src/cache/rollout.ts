/**
 * A rollout lets a share of the calls be served from the cache, or none of them (shadow), so that a team can watch before it
 * trusts. Which calls those are is stable: a prompt that was served stays served while the share grows.
 */
import { StrataConfigError } from "../core/errors.ts";
import type { Digest } from "../core/key.ts";
import { parseChoice, parseNumber, refuseUnknown } from "../core/options.ts";
import { scopeDigest, type Scope } from "../core/scope.ts";

export interface RolloutOptions {
  /** `"shadow"` looks and stores, but serves nothing, and counts what it would have served; default `"serve"`. */
  readonly mode?: "shadow" | "serve" | undefined;
  /** Share of the calls that may be served, 0 to 1, stable per scope and prompt; default 1. */
  readonly traffic?: number | undefined;
  /** Other rules for some scopes and the scopes within them; the first that fits holds. What it leaves out is as above. */
  readonly scopes?: readonly ScopeRollout[] | undefined;
}

export interface ScopeRollout {
  readonly scope: Scope;
  readonly mode?: "shadow" | "serve" | undefined;
  readonly traffic?: number | undefined;
}

/** Whose call it is, and which. */
export interface RolloutSubject {
  readonly key: Digest;
  readonly scope: Digest;
  readonly within: () => readonly Digest[];
}

/** Whether a found entry may be served. */
export type Rollout = (call: RolloutSubject) => boolean;

/** Digests are uniform: 5 characters of base64url are 30 random bits. */
const CHARACTERS = 5;
const BITS = 6 * CHARACTERS;

/** @throws {@link StrataConfigError} naming the option */
export function createRollout(options: RolloutOptions | undefined, name = "rollout"): Rollout {
  if (options === undefined) return () => true;
  if (typeof options !== "object" || options === null) throw new StrataConfigError(name, options, "{ mode, traffic, scopes }");
  refuseUnknown(name, options, ["mode", "traffic", "scopes"]);
  const usual = parseRule(options, options, name);
  const { scopes = [] } = options;
  if (!Array.isArray(scopes)) throw new StrataConfigError(`${name}.scopes`, scopes, "a list of { scope, mode, traffic }");
  const rules = (scopes as readonly ScopeRollout[]).map((given, index) => {
    const place = `${name}.scopes[${index}]`;
    if (typeof given !== "object" || given === null) throw new StrataConfigError(place, given, "{ scope, mode, traffic }");
    refuseUnknown(place, given, ["scope", "mode", "traffic"]);
    return { scope: scopeDigest(given.scope), admits: parseRule(given, options, place) };
  });
  if (rules.length === 0) return ({ key }) => usual(key);
  return ({ key, scope, within }) => {
    const rule = rules.find((known) => known.scope === scope || within().includes(known.scope));
    return (rule?.admits ?? usual)(key);
  };
}

type Rule = Pick<RolloutOptions, "mode" | "traffic">;

function parseRule(given: Rule, usual: Rule, name: string): (key: Digest) => boolean {
  const mode = parseChoice(`${name}.mode`, given.mode ?? usual.mode ?? "serve", ["shadow", "serve"]);
  const traffic = parseNumber(`${name}.traffic`, given.traffic ?? usual.traffic ?? 1, 0, 1);
  if (mode === "shadow" || traffic === 0) return () => false;
  if (traffic === 1) return () => true;
  const limit = traffic * 2 ** BITS;
  return (key) => position(key) < limit;
}

/**
 * Where a key lies in the order in which keys are let in. The key is the digest of scope, model and prompt; its first characters
 * also name fingerprints and samples elsewhere, so the last ones are taken (all but the very last, which holds 4 bits only).
 */
function position(key: Digest): number {
  let value = 0;
  for (const character of key.slice(-1 - CHARACTERS, -1)) value = value * 64 + ALPHABET.indexOf(character);
  return value;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
