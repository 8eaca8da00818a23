/**
 * The ghosts that are kept side by side, each in a role, and what each of them would have been worth on the same requests. All are
 * shown the same sample, so their difference is known much better than the rate of any one of them.
 */
import type { Digest } from "../../core/key.ts";
import type { Ghost } from "./ghost-cache.ts";
import { worthOf, type Observation } from "./observation.ts";
import type { CachePlan } from "./plan.ts";

/** What one role was worth in an epoch, against two others. Sums over the sample; see {@link EpochReport.weight}. */
export interface Tally {
  /** Of the role itself. */
  worth: number;
  hits: number;
  /** Squares of the differences to the ghost of the present plan, and to what the cache itself did. */
  spreadToCurrent: number;
  spreadToActual: number;
}

export interface EpochReport {
  /** Lookups of the sample. */
  readonly samples: number;
  /** What sums are divided by: as many lookups as the sample should have had ("SHARDS-adj": a hot key in the sample or not is chance). */
  readonly weight: number;
  readonly actual: { readonly worth: number; readonly hits: number };
  readonly roles: ReadonlyMap<string, Readonly<Tally>>;
  readonly stores: number;
  /** Mean of the model time that an entry saves, ms; 0 where nobody timed it. */
  readonly meanCostMs: number;
}

export const CURRENT = "current";

export class GhostPanel {
  readonly #ghosts = new Map<string, { ghost: Ghost; tally: Tally }>();
  #samples = 0;
  #weight = 0;
  #actual = { worth: 0, hits: 0 };
  #stores = 0;
  #costMs = 0;

  constructor(current: Ghost) {
    this.put(CURRENT, current);
  }

  get roles(): readonly string[] {
    return [...this.#ghosts.keys()];
  }

  /** Entries of the largest. */
  get size(): number {
    return Math.max(0, ...[...this.#ghosts.values()].map(({ ghost }) => ghost.size));
  }

  ghost(role: string): Ghost | undefined {
    return this.#ghosts.get(role)?.ghost;
  }

  put(role: string, ghost: Ghost): void {
    this.#ghosts.set(role, { ghost, tally: emptyTally() });
  }

  drop(role: string): void {
    this.#ghosts.delete(role);
  }

  /** Makes the ghost of a role follow a plan; a new one begins with what the ghost of the present plan holds. */
  follow(role: string, plan: CachePlan): void {
    const known = this.#ghosts.get(role);
    if (known !== undefined) known.ghost.retune(plan);
    else this.put(role, (this.#ghosts.get(CURRENT) as { ghost: Ghost }).ghost.fork(plan));
  }

  observe(observation: Observation): void {
    const { kind, tier, cost } = observation;
    if (kind !== "lookup") {
      if (kind === "store") {
        this.#stores++;
        this.#costMs += cost;
      }
      for (const { ghost } of this.#ghosts.values()) ghost.observe(observation);
      return;
    }
    this.#samples++;
    const actual = worthOf(tier);
    this.#actual.worth += actual;
    if (tier >= 0) this.#actual.hits++;
    let current = 0;
    // The present plan's is the first: it was put first, and is only ever replaced in its place.
    for (const [role, { ghost, tally }] of this.#ghosts) {
      const found = ghost.observe(observation);
      const worth = worthOf(found);
      if (role === CURRENT) current = worth;
      tally.worth += worth;
      if (found >= 0) tally.hits++;
      tally.spreadToCurrent += (worth - current) ** 2;
      tally.spreadToActual += (worth - actual) ** 2;
    }
  }

  /** Adds so many lookups of the whole traffic, at the present rate of the sample. */
  weigh(lookups: number, rate: number): void {
    this.#weight += lookups * rate;
  }

  get samples(): number {
    return this.#samples;
  }

  thin(rate: number, keeps: (key: Digest) => boolean): void {
    for (const { ghost } of this.#ghosts.values()) ghost.thin(rate, keeps);
  }

  /** What has added up, and begins anew. */
  report(): EpochReport {
    const report: EpochReport = {
      samples: this.#samples,
      weight: Math.max(1, this.#weight),
      actual: this.#actual,
      roles: new Map([...this.#ghosts].map(([role, { tally }]) => [role, tally])),
      stores: this.#stores,
      meanCostMs: this.#stores === 0 ? 0 : this.#costMs / this.#stores,
    };
    for (const kept of this.#ghosts.values()) kept.tally = emptyTally();
    this.#samples = 0;
    this.#weight = 0;
    this.#actual = { worth: 0, hits: 0 };
    this.#stores = 0;
    this.#costMs = 0;
    return report;
  }
}

function emptyTally(): Tally {
  return { worth: 0, hits: 0, spreadToCurrent: 0, spreadToActual: 0 };
}
