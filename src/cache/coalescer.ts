/**
 * Single flight for a cache that is asked in two halves.
 *
 * LangChain calls `lookup`, then the model, then `update`; nothing tells the cache that the model failed, so the first caller to
 * miss (the leader) may never come back. Others who ask for the same key meanwhile wait for the leader's update, and two rules
 * bound that wait:
 *
 * - Who asks before the leader was told of its miss is provably another caller, and waits for `maxWait` or, once it is known,
 *   for as long as this model's answers take.
 * - Who asks later may be the leader itself, trying again after a failure. It waits for as long as this model's answers take, a
 *   second while that is unknown, and not at all after a flight of this model ended in nothing.
 */
import type { Clock } from "../core/clock.ts";

export interface CoalescerOptions {
  readonly clock: Clock;
  /** 0 = nobody waits; flights are then only timed. */
  readonly maxWaitMs: number;
}

/** How long a late caller waits for a model of which nothing is known. */
const UNKNOWN_WAIT_MS = 1_000;
/** Waiting ends at this multiple of the longest recent answer, which fades by 2 % with each new one. */
const PATIENCE = 1.25;
const FADE = 0.98;
/** A flight whose leader has not come back for so long is forgotten. */
const LONGEST_FLIGHT_MS = 600_000;
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
    const now = this.#options.clock.monotonic();
    if (flight === undefined) {
      this.#forgetOld(now);
      this.#flights.set(key, { group, startedAt: now, leaderGone: false, waiters: [] });
      return undefined;
    }
    const waitMs = flight.startedAt + this.#patience(flight) - now;
    if (waitMs <= 0) {
      // This caller leads from here on; whoever still waits does so until its own time is over.
      this.#flights.set(key, { group, startedAt: now, leaderGone: false, waiters: flight.waiters });
      return undefined;
    }
    return this.#wait(key, flight, waitMs);
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

  /** Lets every waiter go with nothing. */
  close(): void {
    for (const flight of this.#flights.values()) for (const resolve of flight.waiters) resolve(undefined);
    this.#flights.clear();
  }

  #patience(flight: Flight<T>): number {
    const { maxWaitMs } = this.#options;
    const group = this.#groups.get(flight.group);
    const usual = group?.longestMs === undefined ? undefined : group.longestMs * PATIENCE;
    if (!flight.leaderGone) return Math.min(maxWaitMs, usual ?? maxWaitMs);
    return group?.failing === true ? 0 : Math.min(maxWaitMs, usual ?? UNKNOWN_WAIT_MS);
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
    group.failing = false;
  }

  #group(name: string): Group {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    if (this.#groups.size >= MAX_GROUPS) this.#groups.clear();
    const group: Group = { longestMs: undefined, failing: false };
    this.#groups.set(name, group);
    return group;
  }

  /** Flights whose leader never came back and for whom nobody waits, oldest first. */
  #forgetOld(now: number): void {
    for (const [key, flight] of this.#flights) {
      if (now - flight.startedAt < LONGEST_FLIGHT_MS) return;
      this.#flights.delete(key);
    }
  }
}
