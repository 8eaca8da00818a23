/** The semantic step with its parts, and where its vectors lie when nobody says. */
import { StrataConfigError } from "../../core/errors.ts";
import type { CacheTier } from "../tier.ts";
import type { SemanticPartsOptions } from "./semantic-parts.ts";
import { SemanticStep } from "./semantic-step.ts";

export type StepOptions = Omit<SemanticPartsOptions, "index"> & { readonly tiers: readonly CacheTier[] };

export function semanticStep({ tiers: _tiers, ...options }: StepOptions): SemanticStep {
  const { index } = options.semantic;
  if (index === undefined) throw new StrataConfigError("semantic.index", undefined, "a vector index");
  return new SemanticStep({ ...options, index });
}
