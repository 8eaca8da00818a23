/** What hits saved, by model. */
import type { SavedUsage } from "../core/events.ts";
import type { SavingsMetrics } from "./metrics-snapshot.ts";
import type { ModelPrice, Prices } from "./prices.ts";
import { OTHER } from "./bounded-counts.ts";

/** Models told apart. */
const MAX_MODELS = 50;

/** One model's. Plain fields: they are written with every hit. */
class ModelSavings {
  readonly name: string;
  readonly price: ModelPrice | undefined;
  hits = 0;
  inputTokens = 0;
  outputTokens = 0;
  tokens = 0;

  constructor(name: string, price: ModelPrice | undefined) {
    this.name = name;
    this.price = price;
  }

  /** Kept as tokens and not as money, which would add up rounding errors, a hit at a time. */
  get money(): number {
    if (this.price === undefined) return 0;
    return (this.inputTokens * this.price.input + this.outputTokens * this.price.output) / 1e6;
  }
}

export class Savings {
  ms = 0;
  readonly #prices: Prices;
  readonly #models = new Map<string, ModelSavings>();
  /** Hits come in runs of one model. */
  #last: ModelSavings;

  constructor(prices: Prices) {
    this.#prices = prices;
    this.#last = this.#modelOf("unknown");
  }

  add(ms: number, saved: SavedUsage): void {
    this.ms += ms;
    const { model = "unknown" } = saved;
    const savings = this.#last.name === model ? this.#last : this.#modelOf(model);
    savings.hits++;
    savings.inputTokens += saved.inputTokens;
    savings.outputTokens += saved.outputTokens;
    savings.tokens += saved.tokens;
  }

  get tokens(): number {
    let tokens = 0;
    for (const savings of this.#models.values()) tokens += savings.tokens;
    return tokens;
  }

  get money(): number {
    let money = 0;
    for (const savings of this.#models.values()) money += savings.money;
    return money;
  }

  snapshot(): SavingsMetrics {
    const models = [...this.#models.values()].filter(({ hits }) => hits > 0);
    const sum = (part: "inputTokens" | "outputTokens"): number => models.reduce((total, model) => total + model[part], 0);
    const unpriced = models.filter(({ price }) => price === undefined);
    return {
      ...{ ms: this.ms, tokens: this.tokens, inputTokens: sum("inputTokens"), outputTokens: sum("outputTokens") },
      ...{ money: this.money, currency: this.#prices.currency },
      unpricedTokens: unpriced.reduce((total, { tokens }) => total + tokens, 0),
      byModel: models
        .map(({ name, tokens, money, hits }) => ({ model: name, tokens, money, hits }))
        .toSorted((a, b) => b.money - a.money || b.tokens - a.tokens),
    };
  }

  #modelOf(name: string): ModelSavings {
    let savings = this.#models.get(name);
    if (savings === undefined && this.#models.size >= MAX_MODELS && name !== OTHER) return this.#modelOf(OTHER);
    if (savings === undefined) {
      savings = new ModelSavings(name, this.#prices.of(name));
      this.#models.set(name, savings);
    }
    this.#last = savings;
    return savings;
  }
}
