/** What tokens cost, so that what hits saved can be told in money. */
import { StrataConfigError } from "../core/errors.ts";
import { parseNumber, refuseUnknown } from "../core/options.ts";

/** For a million tokens. */
export interface ModelPrice {
  readonly input: number;
  readonly output: number;
}

export interface PriceTable {
  /** As people write it; default `"USD"`. */
  readonly currency?: string | undefined;
  /** When these prices were read, for whoever sees the sum; any text. */
  readonly asOf?: string | undefined;
  /** By the name that the provider gives with its answers. A dated name (`gpt-4o-2024-08-06`) takes the price of the plain one. */
  readonly models: Readonly<Record<string, ModelPrice>>;
}

/**
 * List prices of some providers, for the standard tier and for input that the provider had not cached: a hit here saves at most so much.
 * Prices change; give your own table where the sum matters: `{ ...DEFAULT_PRICES, models: { ...DEFAULT_PRICES.models, mine: … } }`.
 *
 * OpenAI as published in March 2026, DeepSeek as published in October 2025 (V3.2, both modes at one price).
 */
export const DEFAULT_PRICES: PriceTable = {
  currency: "USD",
  asOf: "2026-03",
  models: {
    "deepseek-chat": { input: 0.28, output: 0.42 },
    "deepseek-reasoner": { input: 0.28, output: 0.42 },
    "gpt-4o": { input: 2.5, output: 10 },
    "gpt-4o-mini": { input: 0.15, output: 0.6 },
    "gpt-4.1": { input: 2, output: 8 },
    "gpt-4.1-mini": { input: 0.4, output: 1.6 },
    "gpt-4.1-nano": { input: 0.1, output: 0.4 },
    "gpt-5": { input: 1.25, output: 10 },
    "gpt-5-mini": { input: 0.25, output: 2 },
    "gpt-5-nano": { input: 0.05, output: 0.4 },
    "gpt-5.1": { input: 1.25, output: 10 },
    o3: { input: 2, output: 8 },
    "o3-mini": { input: 1.1, output: 4.4 },
    "o4-mini": { input: 1.1, output: 4.4 },
  },
};

/** How providers mark a snapshot of a model. */
const SNAPSHOT = /-(?:\d{4}-\d{2}-\d{2}|\d{8}|latest)$/;

const HIGHEST_PRICE = 1e6;

/** Finds prices by model name. */
export class Prices {
  readonly currency: string;
  readonly #models: ReadonlyMap<string, ModelPrice>;

  /** @throws {@link StrataConfigError} naming the part */
  constructor(table: PriceTable) {
    refuseUnknown("prices", table, ["currency", "asOf", "models"]);
    const { currency = "USD", models } = table;
    if (typeof currency !== "string" || !/^[\p{L}\p{Sc}]{1,8}$/u.test(currency)) {
      throw new StrataConfigError("prices.currency", currency, 'a short name, such as "USD"');
    }
    if (typeof models !== "object" || models === null) {
      throw new StrataConfigError("prices.models", models, "an object of prices by model name");
    }
    for (const [name, price] of Object.entries(models)) {
      refuseUnknown(`prices.models.${name}`, price, ["input", "output"]);
      for (const part of ["input", "output"] as const) {
        parseNumber(`prices.models.${name}.${part}`, price[part], 0, HIGHEST_PRICE);
      }
    }
    this.currency = currency;
    this.#models = new Map(Object.entries(models));
  }

  of(model: string): ModelPrice | undefined {
    return this.#models.get(model) ?? this.#models.get(model.replace(SNAPSHOT, ""));
  }
}
