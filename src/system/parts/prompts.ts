import { PromptLibrary } from "../../prompts/prompt-library.ts";
import { generalPrompts } from "../../prompts/templates/general.ts";
import { tradingPrompts } from "../../prompts/templates/trading.ts";
import { namedUnder } from "../config/named-under.ts";
import type { CheckedConfig } from "../config/read-config.ts";

const SETS = { general: generalPrompts, trading: tradingPrompts } as const;

/** The sets that the config names, then its own templates. */
export function promptsPart({ prompts = {} }: CheckedConfig): PromptLibrary {
  const { sets = ["general", "trading"], templates = [], partials, system } = prompts;
  const library: PromptLibrary = namedUnder("prompts", () => new PromptLibrary({ partials, system }), { PromptLibrary: "" });
  for (const set of sets) library.addAll(SETS[set]);
  namedUnder("prompts", () => library.addAll(templates), { prompt: "templates" });
  return library;
}
