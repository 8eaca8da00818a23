import { parseChoice } from "../../core/options.ts";
import type { Eviction, EvictionName } from "../eviction.ts";
import { adaptive } from "./adaptive.ts";
import { hybrid } from "./hybrid.ts";
import { lfu } from "./lfu.ts";
import { lru } from "./lru.ts";
import { s3Fifo } from "./s3-fifo.ts";

const MAKERS: Record<EvictionName, () => Eviction> = { lru, lfu, "s3-fifo": s3Fifo, adaptive, hybrid };

/** The names that {@link createEviction} knows. */
export const EVICTION_NAMES: readonly EvictionName[] = ["lru", "lfu", "s3-fifo", "adaptive", "hybrid"];

/**
 * Makes the policy with this name.
 * @throws {@link StrataConfigError} naming all of them
 */
export function createEviction(name: EvictionName): Eviction {
  return MAKERS[parseChoice("eviction", name, EVICTION_NAMES)]();
}
