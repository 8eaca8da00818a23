/**
 * Single flight for a cache that is asked in two halves.
 *
 * LangChain calls `lookup`, then the model, then `update`; nothing tells the cache that the model failed, so the first caller to
 * miss (the leader) may never come back. Others who ask for the same key meanwhile wait for the leader's update, and two rules
 * bound that wait:
 *
 * - Who asks before the leader was told of its miss is provably another caller. It waits for `maxWait` or, once it is known how
 *   long this model's answers take, for several times as long: the next one may well be the longest yet, and whoever gives up too
 *   soon asks the model again.
 * - Who asks later may be the leader itself, trying again after a failure. It waits for as long as this model's answers take, a
 *   second while that is unknown, and not at all after a flight of this model ended in nothing.
 */
import type { Clock } from "../../core/clock.ts";

export interface CoalescerOptions {
  readonly clock: Clock;
  /** 0 = nobody waits; flights are then only timed. */
  readonly maxWaitMs: number;
}

/** How long a late caller waits for a model of which nothing is known. */
const UNKNOWN_WAIT_MS = 1_000;
/** A late caller's wait ends at this multiple of the longest recent answer, which fades by 2 % with each new one. */
const PATIENCE = 1.25;
const FADE = 0.98;
/** The same for callers who are certainly not the leader, and the least that they wait: a thousand at once take a while to start. */
const PATIENCE_WITH_ANOTHER = 4;
const LEAST_WAIT_FOR_ANOTHER_MS = 1_000;
/** A flight whose leader has not come back for so long is forgotten. */
const LONGEST_FLIGHT_MS = 600_000;
/** Flights kept: of those that nobody came back to, the oldest goes. */
const MAX_FLIGHTS = 50_000;
/** Models remembered. */
const MAX_GROUPS = 1_000;

interface Flight<T> {
  readonly group: string;
  readonly startedAt: number;
  leaderGone: boolean;
  waiters: ((value: T | undefined) => void)[];
}

interface Group {
  longestMs: number | undefined;
  lastMs: number | undefined;
  failing: boolean;
}

export class Coalescer<T> {
  readonly #options: CoalescerOptions;
  readonly #flights = new Map<string, Flight<T>>();
  readonly #groups = new Map<string, Group>();

  constructor(options: CoalescerOptions) {
    this.#options = options;
  }

  /** Flights under way. */
  get size(): number {
    return this.#flights.size;
  }

  /** Whether somebody leads, so that `join` may wait. */
  isUnderWay(key: string): boolean {
    return this.#flights.size > 0 && this.#flights.has(key);
  }

  /**
   * Joins the flight for `key`, or opens one.
   * @param group whose durations are learned together: the model
   * @returns `undefined` for the leader; for others the promise of the leader's value, or of `undefined` when it did not come
   */
  join(key: string, group: string): Promise<T | undefined> | undefined {
    const flight = this.#flights.get(key);
    const waitMs = flight === undefined ? 0 : flight.startedAt + this.#patience(flight) - this.#options.clock.monotonic();
    if (flight !== undefined && waitMs > 0) return this.#wait(key, flight, waitMs);
    this.lead(key, group);
    return undefined;
  }

  /** Opens a flight for a caller who waits no more; whoever waits for the one before does so until its own time is over. */
  lead(key: string, group: string): void {
    const startedAt = this.#options.clock.monotonic();
    const waiters = this.#flights.get(key)?.waiters ?? [];
    // Taken out first, so that the map stays in the order of their starts.
    this.#flights.delete(key);
    this.#forgetOld(startedAt);
    this.#flights.set(key, { group, startedAt, leaderGone: false, waiters });
  }

  /** The leader is about to be told that it missed. */
  missed(key: string): void {
    const flight = this.#flights.get(key);
    if (flight !== undefined) flight.leaderGone = true;
  }

  /**
   * The value is there, from a tier or from the model; `undefined` lets the waiters go with nothing.
   * @returns the time since the flight began, in ms, if there was one
   */
  landed(key: string, value: T | undefined, source: "tier" | "model"): number | undefined {
    const flight = this.#flights.get(key);
    if (flight === undefined) return undefined;
    this.#flights.delete(key);
    const elapsed = this.#options.clock.monotonic() - flight.startedAt;
    if (source === "model") this.#learn(flight.group, elapsed);
    for (const resolve of flight.waiters) resolve(value);
    return elapsed;
  }

  /** How long somebody waits who is certainly not the leader, ms. */
  patience(group: string): number {
    const { maxWaitMs } = this.#options;
    const longestMs = this.#groups.get(group)?.longestMs;
    if (longestMs === undefined) return maxWaitMs;
    return Math.min(maxWaitMs, Math.max(LEAST_WAIT_FOR_ANOTHER_MS, longestMs * PATIENCE_WITH_ANOTHER));
  }

  /** How long the last answer took, ms. */
  last(group: string): number | undefined {
    return this.#groups.get(group)?.lastMs;
  }

  /** Lets every waiter go with nothing. */
  close(): void {
    for (const flight of this.#flights.values()) for (const resolve of flight.waiters) resolve(undefined);
    this.#flights.clear();
  }

  #patience(flight: Flight<T>): number {
    if (!flight.leaderGone) return this.patience(flight.group);
    const group = this.#groups.get(flight.group);
    if (group?.failing === true) return 0;
    const longestMs = group?.longestMs;
    return Math.min(this.#options.maxWaitMs, longestMs === undefined ? UNKNOWN_WAIT_MS : longestMs * PATIENCE);
  }

  #wait(key: string, flight: Flight<T>, waitMs: number): Promise<T | undefined> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.setTimer(waitMs, () => {
        flight.waiters = flight.waiters.filter((waiter) => waiter !== settle);
        if (this.#flights.get(key) === flight) {
          this.#flights.delete(key);
          this.#group(flight.group).failing = true;
        }
        resolve(undefined);
      });
      function settle(value: T | undefined): void {
        cancel();
        resolve(value);
      }
      flight.waiters.push(settle);
    });
  }

  #learn(name: string, elapsedMs: number): void {
    const group = this.#group(name);
    group.longestMs = Math.max(elapsedMs, (group.longestMs ?? 0) * FADE);
    group.lastMs = elapsedMs;
    group.failing = false;
  }

  #group(name: string): Group {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    if (this.#groups.size >= MAX_GROUPS) this.#groups.clear();
    const group: Group = { longestMs: undefined, lastMs: undefined, failing: false };
    this.#groups.set(name, group);
    return group;
  }

  /** Flights whose leader never came back, oldest first. Who still waits for one is let go by its own timer. */
  #forgetOld(now: number): void {
    for (const [key, flight] of this.#flights) {
      if (now - flight.startedAt < LONGEST_FLIGHT_MS && this.#flights.size < MAX_FLIGHTS) return;
      this.#flights.delete(key);
    }
  }
}
