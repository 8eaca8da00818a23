/** The semantic step with its parts, and where its vectors lie when nobody says. */
import { flatIndex } from "../../vectors/indexes/flat.ts";
import type { CacheTier } from "../tier.ts";
import type { SemanticPartsOptions } from "./semantic-parts.ts";
import { SemanticStep } from "./semantic-step.ts";

export type StepOptions = Omit<SemanticPartsOptions, "index"> & { readonly tiers: readonly CacheTier[] };

export function semanticStep({ tiers: _tiers, ...options }: StepOptions): SemanticStep {
  const { semantic, clock } = options;
  return new SemanticStep({ ...options, index: semantic.index ?? flatIndex({ clock }) });
}
