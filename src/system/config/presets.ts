import type { PresetName, StrataConfig } from "./strata-config.ts";

/**
 * What a config says when it does not say it: presets are data, merged under the config section by section.
 *
 * `development`: small, and nothing lives for ever. `production`: room for what a server sees, a bound on every wait, and answers
 * that outlive a restart of the model's provider.
 */
export const PRESETS: Readonly<Record<PresetName, Pick<StrataConfig, "cache" | "chat">>> = {
  development: {
    cache: { memory: { maxBytes: "64mb" }, disk: { maxBytes: "1gb" }, ttl: "7d" },
    chat: { deadline: "10m" },
  },
  production: {
    cache: { memory: { maxBytes: "512mb" }, disk: { maxBytes: "10gb" }, ttl: "1d", stale: "1h" },
    chat: { deadline: "2m" },
  },
};
