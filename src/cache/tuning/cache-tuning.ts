/**
 * Auto-tuning of one cache: the sample of its traffic is worked off in small portions beside the requests, ghosts are fed with it, and at
 * the end of each epoch the tuner decides. Nothing runs while nothing is asked, and nothing at all while it is off.
 *
 * Bounds: 256 observations are worked off every 100 ms, and an observation costs a ghost half a microsecond to one, so tuning takes a few
 * per cent of one core at the very most, however much is asked; the largest ghost holds 1,024 entries, ten of them take about 4 MiB.
 */
import type { Clock } from "../../core/clock.ts";
import { StrataConfigError } from "../../core/errors.ts";
import type { Emit } from "../../core/events.ts";
import type { Compression } from "../compression.ts";
import type { CacheTier } from "../tier.ts";
import type { TuningDecision } from "./decision.ts";
import { GhostCache, type Ghost, type GhostFacts, type TierShape } from "./ghost-cache.ts";
import { GhostPanel } from "./ghost-panel.ts";
import type { CachePlan } from "./plan.ts";
import { Traffic, type TrafficWatch } from "./traffic.ts";
import type { Tunable, TuningControls } from "./tunable.ts";
import { compressionTunable } from "./tunables/compression.ts";
import { evictionTunable } from "./tunables/eviction.ts";
import { movementTunable } from "./tunables/movement.ts";
import { sizeTunable, type SizeBounds } from "./tunables/size.ts";
import { ttlTunable } from "./tunables/ttl.ts";
import { LOOKS_PER_EPOCH, Tuner } from "./tuner.ts";
import type { TuningMode, TuningSettings } from "./tuning-options.ts";
import { ValueSamples } from "./value-samples.ts";

/** What a cache shows of its tuning. */
export interface CacheTuning {
  readonly mode: TuningMode;
  /** The last 200, newest first. */
  decisions(): readonly TuningDecision[];
  /** How large the sample is at present. */
  sample(): { readonly rate: number; readonly entries: number; readonly waiting: number };
  /** Takes everything back that tuning changed, and goes on with advice only, until `configure({ autoTune: "apply" })`. */
  revert(): void;
}

export interface AutoTuningOptions {
  readonly settings: TuningSettings;
  readonly tiers: readonly CacheTier[];
  readonly controls: TuningControls;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly staleMs: number;
  readonly compression: () => Compression;
  /** Where the store is told to say what happens; `undefined` = to nobody. */
  readonly watch: (traffic: TrafficWatch | undefined) => void;
  /** For tests: ghosts of another kind. */
  readonly makeGhost?: ((plan: CachePlan, facts: GhostFacts, rate: number) => Ghost) | undefined;
}

const PORTION = 256;
const PORTION_MS = 100;
const MOST_ENTRIES = 1_024;
/** A sample whose largest ghost holds fewer says too little. */
const LEAST_ENTRIES = 128;
const DECISIONS_KEPT = 200;
/** When so much waits the sample is made smaller: more than a second's worth of portions. */
const LONG_QUEUE = 3_072;

export class AutoTuning implements CacheTuning {
  readonly #options: AutoTuningOptions;
  readonly #decisions: TuningDecision[] = [];
  #mode: TuningMode;
  #run: Run | undefined;
  #decided = 0;

  /** @throws {@link StrataConfigError} when sizes and bounds do not fit the tiers */
  constructor(options: AutoTuningOptions) {
    this.#options = options;
    this.#mode = "off";
    checkBounds(options);
    this.setMode(options.settings.mode);
  }

  get mode(): TuningMode {
    return this.#mode;
  }

  /** What was changed so far stays when it is switched off. */
  setMode(mode: TuningMode): void {
    this.#mode = mode;
    if (mode === "off") this.close();
    else if (this.#run === undefined) this.#run = new Run(this.#options, mode, (decision) => this.#note(decision));
    else this.#run.tuner.mode = mode;
  }

  decisions(): readonly TuningDecision[] {
    return this.#decisions.toReversed();
  }

  sample(): { readonly rate: number; readonly entries: number; readonly waiting: number } {
    const { traffic, panel } = this.#run ?? {};
    return { rate: traffic?.rate ?? 0, entries: panel?.size ?? 0, waiting: traffic?.waiting ?? 0 };
  }

  revert(): void {
    this.#run?.tuner.undo();
    if (this.#mode === "apply") this.setMode("advise");
  }

  close(): void {
    this.#run?.close();
    this.#run = undefined;
  }

  #note(made: Omit<TuningDecision, "number" | "at">): void {
    const { clock, emit } = this.#options;
    const decision: TuningDecision = { number: ++this.#decided, at: clock.now(), ...made };
    this.#decisions.push(decision);
    if (this.#decisions.length > DECISIONS_KEPT) this.#decisions.shift();
    const { action, setting, from, to, predicted, observed, samples, reason } = decision;
    emit?.({
      ...{ type: "tuning.decision", action, setting, from, to, samples, reason },
      ...(predicted !== undefined && { predicted }),
      ...(observed !== undefined && { observed }),
    });
  }
}

/** From being switched on to being switched off. */
class Run {
  readonly tuner: Tuner;
  readonly traffic: Traffic;
  readonly panel: GhostPanel;
  readonly #options: AutoTuningOptions;
  readonly #values: ValueSamples;
  #epochBegan: number;
  #cancel: (() => void) | undefined;

  constructor(
    options: AutoTuningOptions,
    mode: "advise" | "apply",
    decided: (made: Omit<TuningDecision, "number" | "at">) => void,
  ) {
    const { clock, controls, settings, tiers, staleMs, watch, makeGhost } = options;
    this.#options = options;
    this.#values = new ValueSamples(clock, options.compression);
    const plan = controls.plan();
    const tunables = makeTunables(options);
    const packs = tunables.some(({ name }) => name === "compression");
    this.traffic = new Traffic({
      ...{ clock, staleMs, ttlMs: () => controls.ttlMs, onWaiting: () => this.#soon() },
      onValue: packs ? (payload) => this.#values.measure(payload) : undefined,
    });
    const facts: GhostFacts = { shapes: tiers.map(shapeOf), ratio: (effort) => this.#values.ratio(effort) };
    const make = makeGhost ?? ((...args: ConstructorParameters<typeof GhostCache>) => new GhostCache(...args));
    this.panel = new GhostPanel(make(plan, facts, this.traffic.rate));
    const { minGain, maxLoss } = settings;
    this.tuner = new Tuner({ panel: this.panel, controls, tunables, values: this.#values, minGain, maxLoss, decided }, mode);
    this.#epochBegan = clock.monotonic();
    watch(this.traffic);
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#options.watch(undefined);
  }

  #soon(): void {
    this.#cancel ??= this.#options.clock.setTimer(PORTION_MS, () => this.#work(), { background: true });
  }

  #work(): void {
    this.#cancel = undefined;
    const { traffic, panel } = this;
    const isBehind = traffic.waiting >= LONG_QUEUE;
    const { lookups, missed } = traffic.takeCounts();
    panel.weigh(lookups - missed / traffic.rate, traffic.rate);
    for (const observation of traffic.take(PORTION)) panel.observe(observation);
    if (panel.size > MOST_ENTRIES || (isBehind && panel.size > 2 * LEAST_ENTRIES)) {
      traffic.halve();
      panel.thin(traffic.rate, (key) => traffic.wants(key));
    }
    if (traffic.waiting > 0) this.#soon();
    else this.#endEpoch();
  }

  #endEpoch(): void {
    const { clock, settings } = this.#options;
    const now = clock.monotonic();
    const looks = this.tuner.isOnTrial ? LOOKS_PER_EPOCH : 1;
    if (now - this.#epochBegan < settings.everyMs / looks || this.panel.samples < settings.minSamples / looks) return;
    this.#epochBegan = now;
    this.tuner.epoch(this.panel.report());
    this.#values.nextEpoch();
  }
}

function shapeOf(tier: CacheTier): TierShape {
  return {
    charge: (valueBytes, rawBytes) => tier.charge?.(valueBytes, rawBytes) ?? valueBytes,
    isDemotedTo: tier.writes === "on-demotion",
  };
}

function makeTunables({ settings, tiers, controls }: AutoTuningOptions): Tunable[] {
  const plan = controls.plan();
  const bounded = (tier: CacheTier): boolean => (tier.stats().maxBytes ?? Infinity) < Infinity;
  const evicting = tiers.filter(({ configurable }) => configurable?.includes("eviction")).map(({ name }) => name);
  const packing = tiers.filter((tier) => tier.writes !== "through" && bounded(tier)).map(({ name }) => name);
  const bounds = sizeBounds(settings, tiers, plan);
  const made: (Tunable | undefined)[] = [
    bounds && sizeTunable(bounds),
    evicting.length === 0 ? undefined : evictionTunable(evicting),
    packing.length === 0 ? undefined : compressionTunable(packing),
    tiers.length === 1 ? undefined : movementTunable(),
    settings.ttl && ttlTunable(settings.ttl),
  ];
  return made.filter((tunable) => tunable !== undefined && settings.settings.includes(tunable.name)) as Tunable[];
}

function sizeBounds(
  { budgetBytes, tiers: bounds }: TuningSettings,
  tiers: readonly CacheTier[],
  plan: CachePlan,
): SizeBounds | undefined {
  if (budgetBytes === undefined) return undefined;
  const sized = plan.tiers.filter(
    ({ name, maxBytes }) =>
      maxBytes < Infinity && tiers.some((tier) => tier.name === name && tier.configurable?.includes("maxBytes")),
  );
  const all = sized.map(({ name, maxBytes }) => {
    const given = bounds.get(name);
    return [name, { minBytes: given?.minBytes ?? Math.ceil(maxBytes / 4), maxBytes: given?.maxBytes ?? budgetBytes }] as const;
  });
  return { budgetBytes, tiers: new Map(all) };
}

function checkBounds({ settings, tiers, controls }: AutoTuningOptions): void {
  const { budgetBytes } = settings;
  if (budgetBytes === undefined) return;
  const plan = controls.plan();
  const bounds = sizeBounds(settings, tiers, plan) as SizeBounds;
  const names = [...bounds.tiers.keys()];
  for (const name of settings.tiers.keys()) {
    if (names.includes(name)) continue;
    const accepted = `bounds of tiers whose size can be changed: ${names.join(", ") || "there is none"}`;
    throw new StrataConfigError("tuning.tiers", name, accepted);
  }
  const sized = plan.tiers.filter(({ name }) => bounds.tiers.has(name));
  const total = sized.reduce((sum, { maxBytes }) => sum + maxBytes, 0);
  if (total > budgetBytes) {
    throw new StrataConfigError("tuning.budget", budgetBytes, `at least the ${total} bytes that the tiers begin with`);
  }
  for (const { name, maxBytes } of sized) {
    const bound = bounds.tiers.get(name);
    if (bound === undefined || (maxBytes >= bound.minBytes && maxBytes <= bound.maxBytes)) continue;
    throw new StrataConfigError(
      `tuning.tiers.${name}`,
      { ...bound },
      `bounds around the ${maxBytes} bytes that the tier begins with`,
    );
  }
}
