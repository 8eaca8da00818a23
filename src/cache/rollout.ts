/**
 * A rollout lets a share of the calls be served from the cache, or none of them (shadow), so that a team can watch before it
 * trusts. Which calls those are is stable: a prompt that was served stays served while the share grows.
 */
import { StrataConfigError } from "../core/errors.ts";
import type { Digest } from "../core/key.ts";
import { parseChoice, parseNumber, refuseUnknown } from "../core/options.ts";

export interface RolloutOptions {
  /** `"shadow"` looks and stores, but serves nothing, and counts what it would have served; default `"serve"`. */
  readonly mode?: "shadow" | "serve" | undefined;
  /** Share of the calls that may be served, 0 to 1, stable per scope and prompt; default 1. */
  readonly traffic?: number | undefined;
}

/** Whether a found entry may be served. */
export type Rollout = (key: Digest) => boolean;

/** Digests are uniform: 5 characters of base64url are 30 random bits. */
const CHARACTERS = 5;
const BITS = 6 * CHARACTERS;

/** @throws {@link StrataConfigError} naming the option */
export function createRollout(options: RolloutOptions | undefined): Rollout {
  if (options === undefined) return () => true;
  if (typeof options !== "object" || options === null) throw new StrataConfigError("rollout", options, "{ mode, traffic }");
  refuseUnknown("rollout", options, ["mode", "traffic"]);
  const mode = parseChoice("rollout.mode", options.mode ?? "serve", ["shadow", "serve"]);
  const traffic = parseNumber("rollout.traffic", options.traffic ?? 1, 0, 1);
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
