/** The semantic step with its parts, and where its vectors lie when nobody says. */
import { join } from "node:path";
import { flatIndex } from "../../vectors/indexes/flat.ts";
import type { VectorIndex } from "../../vectors/vector-index.ts";
import type { CacheTier } from "../tier.ts";
import type { SemanticPartsOptions } from "./semantic-parts.ts";
import { SemanticStep } from "./semantic-step.ts";

export type StepOptions = Omit<SemanticPartsOptions, "index"> & { readonly tiers: readonly CacheTier[] };

export function semanticStep({ tiers, ...options }: StepOptions): SemanticStep {
  return new SemanticStep({ ...options, index: options.semantic.index ?? ownIndex(tiers, options) });
}

/** Beside the answers, where they are in a folder: the two are of use only together. */
function ownIndex(tiers: readonly CacheTier[], { clock, random }: Pick<StepOptions, "clock" | "random">): VectorIndex {
  const folder = tiers.find((tier) => tier.folder !== undefined)?.folder;
  if (folder === undefined) return flatIndex({ clock, random });
  const index = flatIndex({ path: join(folder, "semantic"), clock, random });
  // Reading a large folder takes longer than a search may: it begins now. What goes wrong, the first search meets again.
  index.stats().catch(() => undefined);
  return index;
}
