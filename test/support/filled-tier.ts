/** Tiers with sealed entries in them, for tests of what goes through whole tiers. */
import { open, seal } from "../../src/core/envelope.ts";
import { systemClock, type Clock } from "../../src/core/clock.ts";
import { digest } from "../../src/core/key.ts";
import { scopeDigest, widerScopes, type Scope } from "../../src/core/scope.ts";
import { scopeMark } from "../../src/cache/tags.ts";
import type { CacheTier, TierEntry } from "../../src/cache/tier.ts";

export interface SealedEntry {
  readonly name: string | number;
  readonly text?: string;
  readonly scope?: Scope;
  readonly createdAt?: number;
  readonly expiresAt?: number;
  readonly tags?: readonly string[];
}

/** An entry as the store would put it into a tier. */
export function sealedEntry({ name, text = `answer ${name}`, scope, expiresAt, tags = [], ...rest }: SealedEntry): TierEntry {
  const owner = scopeDigest(scope ?? "global");
  const key = digest("sealed entry", String(name));
  const all = [...tags, ...(scope === undefined ? [] : widerScopes(scope).map(scopeMark))];
  const payload = Buffer.from(text);
  const createdAt = rest.createdAt ?? systemClock.now();
  const head = { key, scope: owner, payload, tags: all, expiresAt, cost: 1_000, createdAt, codec: 0 };
  return { key, value: seal({ ...head, rawLength: payload.byteLength }), expiresAt, scope: owner, tags: all, cost: 1_000 };
}

/** Gives a tier the host that it needs. */
export function attached<T extends CacheTier>(tier: T, clock: Clock = systemClock): T {
  tier.attach?.({ clock, random: Math.random, evicted: () => undefined, fault: () => undefined });
  return tier;
}

/** Names of entries and what they say, as text. */
export async function contentsOf(tier: CacheTier): Promise<Map<string, string>> {
  const contents = new Map<string, string>();
  for await (const { key, value, scope } of tier.entries()) {
    contents.set(key, Buffer.from(open(value, key, scope ?? scopeDigest("global")).payload).toString());
  }
  return contents;
}
