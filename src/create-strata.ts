import { assemble } from "./system/assemble.ts";
import { refuseUnknown } from "./core/options.ts";
import { readConfigFile, type ConfigVariables } from "./system/config/config-file.ts";
import { readConfig } from "./system/config/read-config.ts";
import type { StrataConfig } from "./system/config/strata-config.ts";
import { requireHealthy } from "./system/health.ts";
import type { Strata } from "./system/strata.ts";

export interface CreateStrataOptions {
  /** What `${NAME}` stands for in a config file, such as `process.env`; default: nothing. */
  readonly variables?: ConfigVariables | undefined;
  /**
   * Whether a server of the config that cannot be reached now is an error; default `false`: its part is passed over until it is there,
   * and events tell.
   */
  readonly check?: boolean | undefined;
}

/**
 * The whole system from one config: cache, embeddings, conversations, memory, documents, reranking, prompts, metrics. Without a config
 * it is embedded: no server, no key, everything in `.strata/`. Nothing is connected or loaded before its first use.
 * @param config an object, or the path of a YAML or JSON file with the same keys
 * @throws {@link StrataConfigError} naming the key from the top, its value and what is accepted; nothing was opened then. With `check`, {@link StrataError}
 * `UNAVAILABLE` naming every part that cannot be used; also for a port of `observability.prometheus` that is in use
 * @example
 * ```ts
 * const strata = await createStrata({ model: { provider: "deepseek", model: "deepseek-reasoner", apiKey } });
 * const { text, cached } = await strata.chat("What is an order block?");
 * await strata.close();
 * ```
 */
export async function createStrata(config: StrataConfig | string = {}, options: CreateStrataOptions = {}): Promise<Strata> {
  refuseUnknown("createStrata", options, ["variables", "check"]);
  const given = typeof config === "string" ? await readConfigFile(config, options.variables ?? {}) : config;
  const strata = assemble(readConfig(given));
  try {
    if (options.check === true) requireHealthy(await strata.health());
    await strata.begin();
  } catch (error) {
    await strata.close();
    throw error;
  }
  return strata;
}
