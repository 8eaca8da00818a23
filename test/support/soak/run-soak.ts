/**
 * Leaves the whole system under load for as long as told, while its servers fail in turn, and measures after each round of faults
 * what the process holds.
 */
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { seededRandom } from "../seeded-random.ts";
import { SOAK_FAULTS, type SoakFault } from "./soak-faults.ts";
import { SoakProbe, type SoakSample } from "./soak-samples.ts";
import { openSoakSystem, type SoakSystem } from "./soak-system.ts";
import { mayFail, REQUESTS, scrape, type Request } from "./soak-traffic.ts";

export interface SoakOptions {
  /** The round that is under way then is finished. */
  readonly minutes: number;
  readonly perSecond: number;
  /** How long each fault lasts, ms. */
  readonly faultMs: number;
  /** Of calm after each, ms. */
  readonly healMs: number;
  readonly seed: number;
  /** Breaks the run on purpose, to see that it is found: every request leaves a listener, or an open socket now and then. */
  readonly leak?: "listener" | "socket" | undefined;
  readonly onSample?: (sample: SoakSample) => void;
}

export interface SoakReport {
  readonly samples: readonly SoakSample[];
  readonly requests: number;
  /** What failed as the documents say it may, by request. */
  readonly allowed: Readonly<Record<string, number>>;
  /** What may not have failed: request, fault, error. */
  readonly failures: readonly string[];
  readonly accidents: readonly string[];
}

const SCRAPE_EVERY_MS = 2_000;
/** Requests under way at once; a server would turn more away. */
const MOST_AT_ONCE = 500;
const MOST_TOLD = 20;
/** Without three samples there is no verdict, however slow the machine is. */
const FEWEST_ROUNDS = 3;
/** Before a sample: what reconnects has done so. */
const QUIET_MS = 1_000;

export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const { minutes, perSecond, faultMs, healMs } = options;
  const system = await openSoakSystem();
  const accidents: string[] = [];
  const accident = (what: string) => (error: unknown) => void accidents.push(`${what}: ${String(error)}`);
  const listening = (["unhandledRejection", "uncaughtException", "warning"] as const).map((name) => {
    const listener = accident(name);
    process.on(name, listener);
    return () => process.removeListener(name, listener);
  });
  const traffic = new Traffic(system, options);
  const probe = new SoakProbe();
  const samples: SoakSample[] = [];
  const endsAt = performance.now() + minutes * 60_000;
  try {
    while (performance.now() < endsAt || samples.length < FEWEST_ROUNDS) {
      traffic.start(perSecond);
      for (const fault of SOAK_FAULTS) {
        await traffic.during(fault, async () => {
          await fault.run(system.servers, faultMs);
          await pause(healMs);
        });
      }
      await traffic.stop();
      await system.strata.cache.flush();
      await pause(QUIET_MS);
      const sample = await probe.sample(traffic.takeCounts());
      samples.push(sample);
      options.onSample?.(sample);
    }
  } finally {
    await traffic.stop();
    probe.close();
    await system.close();
    for (const end of listening) end();
  }
  return { samples, ...traffic.report, accidents };
}

class Traffic {
  readonly #system: SoakSystem;
  readonly #random: () => number;
  readonly #leak: SoakOptions["leak"];
  readonly #underWay = new Set<Promise<void>>();
  readonly #allowed: Record<string, number> = {};
  readonly #failures: string[] = [];
  readonly #leaking = new EventTarget();
  #faults: readonly SoakFault[] = [];
  #all = 0;
  #requests = 0;
  #errors = 0;
  #timers: NodeJS.Timeout[] = [];

  constructor(system: SoakSystem, { seed, leak }: SoakOptions) {
    this.#system = system;
    this.#random = seededRandom(seed);
    this.#leak = leak;
  }

  get report(): Pick<SoakReport, "requests" | "allowed" | "failures"> {
    return { requests: this.#all, allowed: this.#allowed, failures: this.#failures };
  }

  start(perSecond: number): void {
    this.#timers = [
      setInterval(() => this.#one(), 1_000 / perSecond),
      setInterval(() => this.#track({ name: "the dashboard", share: 0, run: scrape }), SCRAPE_EVERY_MS),
    ];
  }

  /** Resolves when nothing is under way. */
  async stop(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    await Promise.all(this.#underWay);
  }

  /** A request that began under one fault may end under the next one, so both count. */
  async during(fault: SoakFault, work: () => Promise<void>): Promise<void> {
    this.#faults = [...this.#faults.slice(-1), fault];
    await work();
  }

  takeCounts(): { readonly requests: number; readonly errors: number } {
    const counts = { requests: this.#requests, errors: this.#errors };
    [this.#requests, this.#errors] = [0, 0];
    return counts;
  }

  #one(): void {
    if (this.#underWay.size >= MOST_AT_ONCE) return;
    const total = REQUESTS.reduce((sum, { share }) => sum + share, 0);
    let at = this.#random() * total;
    const request = REQUESTS.find(({ share }) => (at -= share) < 0);
    if (request !== undefined) this.#track(request);
    if (this.#leak === "listener") {
      const held = Array.from({ length: 2_000 }, (_, index) => index + this.#all);
      this.#leaking.addEventListener("never", () => held);
    }
    if (this.#leak === "socket" && this.#all % 10 === 0) connect(this.#system.dashboard.port, "127.0.0.1");
  }

  #track(request: Request): void {
    this.#all++;
    this.#requests++;
    const before = this.#faults;
    const running = request
      .run(this.#system, (below) => Math.floor(this.#random() * below))
      .then(() => undefined)
      .catch((error: unknown) => {
        const faults = [...new Set([...before, ...this.#faults])];
        if (mayFail(request, faults)) {
          this.#allowed[request.name] = (this.#allowed[request.name] ?? 0) + 1;
          return;
        }
        this.#errors++;
        if (this.#failures.length < MOST_TOLD)
          this.#failures.push(`${request.name}, during ${faults.map(({ name }) => name).join(", ")}: ${String(error)}`);
      })
      .finally(() => void this.#underWay.delete(running));
    this.#underWay.add(running);
  }
}
