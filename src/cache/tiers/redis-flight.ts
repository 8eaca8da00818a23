/**
 * Single flight across processes, over Redis: a lock a key, whose holder computes the value for all.
 *
 * The lock is a lease with a fencing token (M. Kleppmann, "How to do distributed locking", 2016): a number that grows with each
 * lease of a key. It goes with the value into Redis, where a value is refused when a later lease was given meanwhile: a process
 * that was paused for longer than its lease can neither end nor overwrite what belongs to another one. A lock holds
 * `token:owner`, or `token:` once the value is stored.
 *
 * Who waits hears of the value through the tier's log, and asks from time to time in case the log is late or the leader is gone.
 */
import type { Clock } from "../../core/clock.ts";
import { StrataError } from "../../core/errors.ts";
import { Guard } from "../../core/guard.ts";
import type { Digest } from "../../core/key.ts";
import type { RedisConnection } from "../../clients/redis.ts";
import type { DistributedFlight, EnterOptions } from "../distributed-flight.ts";
import type { RedisLayout } from "./redis-layout.ts";
import { ENTER, GET_OR_LEAD, RELEASE, RENEW } from "./redis-scripts.ts";

export interface RedisFlightOptions {
  readonly connection: RedisConnection;
  readonly layout: RedisLayout;
  readonly deadlineMs: number;
  /** Sets this process apart from all others. */
  readonly owner: string;
}

/** A process that died is followed after so long; one whose event loop stands still for less keeps its lease. */
const LEASE_MS = 10_000;
const RENEW_EVERY_MS = LEASE_MS / 3;
/** How long a token is remembered after its value was stored: no call of a model takes longer. */
export const FENCE_MS = 600_000;
const FIRST_POLL_MS = 50;
const LONGEST_POLL_MS = 500;
/** Leads that were taken with a read and not entered yet; they are entered in the same turn. */
const MOST_TOLD = 10_000;
/**
 * A script costs a hit about a tenth of a trip, a miss without it a whole one. So values are read by script while more than this
 * share of the lookups misses, averaged over about so many.
 */
const LEAST_MISSES = 1 / 8;
const AVERAGED_OVER = 16;

interface Lease {
  readonly token: string;
  /** On the monotonic clock. */
  readonly until: number;
}

export class RedisFlight implements DistributedFlight {
  readonly deadlineMs: number;
  readonly #options: RedisFlightOptions;
  readonly #clock: Clock;
  readonly #guard: Guard;
  readonly #leases = new Map<Digest, Lease>();
  readonly #waiting = new Map<Digest, Set<() => void>>();
  /** What reads have learned for those who enter next; `at` on the monotonic clock. */
  readonly #told = new Map<Digest, { readonly outcome: "leads" | "waits" | "alone"; readonly at: number }>();
  #misses = 1;
  /** Whether this server runs scripts for us; tried again when it is back after an outage. */
  #mayRead = true;
  #cancelRenewal: (() => void) | undefined;
  #closed = false;

  constructor(options: RedisFlightOptions, clock: Clock, random: () => number) {
    const { deadlineMs } = options;
    this.deadlineMs = deadlineMs;
    this.#options = options;
    this.#clock = clock;
    const fatal = (error: unknown): boolean => StrataError.isInstance(error) && error.code === "UNAVAILABLE";
    this.#guard = new Guard({ name: "Waiting for other processes", clock, random, deadlineMs, fatal });
  }

  /** Whether a value is better read by `read` than by a plain `GET`. */
  get reads(): boolean {
    return this.#misses > LEAST_MISSES && this.#mayRead && !this.#closed;
  }

  /** Told of each lookup of one key. */
  looked(found: boolean): void {
    this.#misses += ((found ? 0 : 1) - this.#misses) / AVERAGED_OVER;
  }

  /** Reads a value, and takes the lead when it is not there, for whoever enters next. */
  async read(key: Digest, holdMs: number): Promise<Buffer | null> {
    const { connection, layout, owner } = this.#options;
    let reply: unknown;
    try {
      reply = await connection.sendBuffer({
        script: GET_OR_LEAD,
        keys: [layout.lock(key), layout.value(key)],
        args: [owner, LEASE_MS],
      });
    } catch (error) {
      // Somebody who may read, but run no scripts.
      if (!(error instanceof Error) || error.name !== "ReplyError") throw error;
      this.#mayRead = false;
      return connection.run((client) => client.getBuffer(layout.value(key)));
    }
    if (Buffer.isBuffer(reply)) return reply;
    if (this.#told.size >= MOST_TOLD) this.#told.clear();
    this.#told.set(key, { outcome: this.#noted(key, reply, holdMs), at: this.#clock.monotonic() });
    return null;
  }

  async enter(key: Digest, { answerMs, waitMs, holdMs }: EnterOptions): Promise<"leads" | "landed" | "alone"> {
    const until = this.#clock.monotonic() + waitMs;
    let deadlineMs = answerMs;
    let told = this.#takeTold(key);
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 2, LONGEST_POLL_MS)) {
      const outcome = told ?? (deadlineMs <= 0 ? "alone" : await this.#ask(key, holdMs, deadlineMs));
      told = undefined;
      if (outcome !== "waits") return outcome;
      const remaining = until - this.#clock.monotonic();
      if (remaining <= 0 || this.#closed) return "alone";
      await this.#news(key, Math.min(pollMs, remaining));
      deadlineMs = this.deadlineMs;
    }
  }

  abandon(key: Digest): void {
    const lease = this.#leases.get(key);
    if (lease === undefined) return;
    this.#leases.delete(key);
    // Should it fail, the lease ends by itself.
    this.#release(key, lease).catch(() => undefined);
  }

  /** The token under which a value is stored; `undefined` when this process has no lease for it. */
  token(key: Digest): string | undefined {
    return this.#leases.get(key)?.token;
  }

  /** The value is stored, and the lease ended with it. */
  stored(key: Digest): void {
    this.#leases.delete(key);
  }

  /** Others changed these keys: whoever waits for one of them asks again. */
  changed(keys: readonly Digest[]): void {
    if (this.#waiting.size === 0) return;
    for (const key of keys) for (const wake of this.#waiting.get(key) ?? []) wake();
  }

  recovered(): void {
    this.#mayRead = true;
    this.#guard.recovered();
  }

  /** Ends every lease and every wait. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRenewal?.();
    for (const wakes of this.#waiting.values()) for (const wake of wakes) wake();
    const leases = [...this.#leases];
    this.#leases.clear();
    await Promise.allSettled(leases.map(([key, lease]) => this.#release(key, lease)));
  }

  async #ask(key: Digest, holdMs: number, deadlineMs: number): Promise<"leads" | "landed" | "waits" | "alone"> {
    try {
      return await this.#guard.run(() => this.#request(key, holdMs), { deadlineMs });
    } catch {
      // Redis being away is told by its tier; here it only means that there is nobody to wait for.
      return "alone";
    }
  }

  /** Notes a lease also when the answer comes too late for whoever asked: the value will be stored all the same. */
  async #request(key: Digest, holdMs: number): Promise<"leads" | "landed" | "waits" | "alone"> {
    const { connection, layout, owner } = this.#options;
    const reply = await connection.send({
      script: ENTER,
      keys: [layout.lock(key), layout.value(key)],
      args: [owner, LEASE_MS],
    });
    return reply === "landed" ? reply : this.#noted(key, reply, holdMs);
  }

  /** What a script that may take the lead has told. */
  #noted(key: Digest, token: unknown, holdMs: number): "leads" | "waits" | "alone" {
    if (typeof token !== "number") {
      // What answers another question came over a connection that lost count of its replies.
      this.#options.connection.recycle();
      throw new StrataError("CORRUPT", "Redis answered something else than was asked.");
    }
    if (token <= 0) return token === 0 ? "waits" : "alone";
    this.#leases.set(key, { token: String(token), until: this.#clock.monotonic() + holdMs });
    this.#scheduleRenewal();
    return "leads";
  }

  /** What the read just before has learned; not what was learned by one that nobody waited for. */
  #takeTold(key: Digest): "leads" | "waits" | "alone" | undefined {
    const told = this.#told.get(key);
    if (told === undefined) return undefined;
    this.#told.delete(key);
    if (this.#clock.monotonic() - told.at > this.deadlineMs) return undefined;
    return told.outcome === "leads" && !this.#leases.has(key) ? undefined : told.outcome;
  }

  #scheduleRenewal(): void {
    if (this.#closed) return;
    this.#cancelRenewal ??= this.#clock.setTimer(RENEW_EVERY_MS, () => this.#renew(), { background: true });
  }

  #renew(): void {
    this.#cancelRenewal = undefined;
    const now = this.#clock.monotonic();
    for (const [key, lease] of this.#leases) if (lease.until <= now) this.abandon(key);
    if (this.#leases.size === 0) return;
    const calls = [...this.#leases].map(([key, { token }]) => {
      return { script: RENEW, keys: [this.#options.layout.lock(key)], args: [this.#held(token), LEASE_MS] };
    });
    // What could not be renewed ends by itself, and is followed by another process.
    this.#options.connection.sendAll(calls).catch(() => undefined);
    this.#scheduleRenewal();
  }

  #release(key: Digest, { token }: Lease): Promise<unknown> {
    const { connection, layout } = this.#options;
    return connection.send({ script: RELEASE, keys: [layout.lock(key)], args: [this.#held(token)] });
  }

  /** What the lock holds during a lease. */
  #held(token: string): string {
    return `${token}:${this.#options.owner}`;
  }

  /** Resolves when the key was changed, or after `ms`. */
  #news(key: Digest, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wakes = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, wakes);
      const wake = (): void => {
        cancel();
        wakes.delete(wake);
        if (wakes.size === 0) this.#waiting.delete(key);
        resolve();
      };
      const cancel = this.#clock.setTimer(ms, wake);
      wakes.add(wake);
    });
  }
}
