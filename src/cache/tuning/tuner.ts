/**
 * What to change, and when: at the end of each epoch the ghosts of plans that are one step away are compared with the ghost of the present
 * plan. One that was better by enough, and by more than chance explains, is rehearsed: another ghost makes that very change, now, from what the
 * cache holds, and shows what the way costs and whether the gain lasts. Only when it was better again, and has made up for what the
 * way cost, the step is taken. It is on trial then, and taken back if the cache does worse than the ghost of the settings before. At all times the ghost of the settings that were given goes
 * along: if tuning as a whole has lost, everything goes back.
 *
 * Nothing here knows the traffic, the clock or the cache: reports come in, changes go out through the controls.
 */
import { durationText, percentText, pointsText } from "./amounts.ts";
import { Bans } from "./bans.ts";
import type { TuningDecision } from "./decision.ts";
import type { Ghost } from "./ghost-cache.ts";
import { CURRENT, type EpochReport, type GhostPanel } from "./ghost-panel.ts";
import { distanceOf, isSamePlan, type CachePlan } from "./plan.ts";
import { Rehearsal } from "./rehearsal.ts";
import { Trial } from "./trial.ts";
import type { Candidate, Tunable, TuningControls, TuningSetting } from "./tunable.ts";
import type { ValueSamples } from "./value-samples.ts";

export interface TunerOptions {
  readonly panel: GhostPanel;
  readonly controls: TuningControls;
  readonly tunables: readonly Tunable[];
  readonly values: Pick<ValueSamples, "isKnown" | "msPerValue">;
  /** The least gain that a step is taken for, a share. */
  readonly minGain: number;
  /** What may be lost to the settings that were given, a share. */
  readonly maxLoss: number;
  readonly decided: (decision: Omit<TuningDecision, "number" | "at">) => void;
}

type Mode = "advise" | "apply";

interface OnTrial {
  readonly trial: Trial;
  readonly foretold: number;
  readonly candidate: Candidate;
  readonly before: CachePlan;
}

const FORMER = "former";
const BASELINE = "baseline";
const REHEARSAL = "rehearsal";
/** Epochs for which a step is not rehearsed again after it failed to convince. */
const REST = 2;
/** Epochs in a row in which a way back must have cost nothing. */
const RELAX_IN_A_ROW = 4;
/** What counts as nothing, a share. */
const NOTHING = 0.001;
/** A step that loses much is noticed early: while one is on trial, epochs are so much shorter. */
export const LOOKS_PER_EPOCH = 4;
const TRIAL_LOOKS = 3 * LOOKS_PER_EPOCH;
/** Epochs of rest after a trial. */
const COOL_DOWN = 1;
/** Epochs after which advice that still holds is given again. */
const ADVICE_HOLDS = 64;
/** The promise holds for the whole; so a step goes back when it has lost half of it. */
const GUARD = 0.5;
/** What is left of the distance between ghost and cache when it is measured anew. */
const BIAS_FADE = 0.5;
/** What is left of an epoch in the account against the settings that were given. */
const ACCOUNT_FADE = 0.7;
/** Model time that a step must save for each unit of processor time that it takes. */
const WORTH_OF_PROCESSOR = 10;
const UNKNOWN_COST_MS = 1_000;
/** Settings that cost something else than bytes: how old answers are, and processor time. They go back when that is for nothing. */
const RELAXING: ReadonlySet<TuningSetting> = new Set(["ttl", "compression"]);

export class Tuner {
  readonly #options: TunerOptions;
  #mode: Mode;
  #baseline: CachePlan;
  #candidates: readonly Candidate[] = [];
  readonly #streaks = new Map<string, number>();
  readonly #bans = new Bans();
  #trial: OnTrial | undefined;
  /** Against the settings that were given, while the present ones differ. */
  #account: Trial | undefined;
  #rehearsal: Rehearsal | undefined;
  #bias: number | undefined;
  #epoch = 0;
  #restUntil = 0;

  constructor(options: TunerOptions, mode: Mode) {
    this.#options = options;
    this.#mode = mode;
    this.#baseline = options.controls.plan();
    this.#propose(this.#baseline);
  }

  set mode(mode: Mode) {
    // What was only advised may be done now.
    if (mode !== this.#mode) this.#bans.liftAll();
    this.#mode = mode;
  }

  /** The settings that were given. */
  get baseline(): CachePlan {
    return this.#baseline;
  }

  /** Whether reports are wanted {@link LOOKS_PER_EPOCH} times as often. */
  get isOnTrial(): boolean {
    return this.#trial !== undefined;
  }

  epoch(report: EpochReport): void {
    this.#epoch += this.isOnTrial ? 1 / LOOKS_PER_EPOCH : 1;
    const { panel, controls } = this.#options;
    const plan = controls.plan();
    if (!isSamePlan(plan, this.#presentPlan)) this.#startOver(plan);
    else if (this.#trial !== undefined) this.#judge(report, this.#trial);
    else {
      this.#noteBias(report);
      if (!this.#hasLostAll(report) && this.#epoch > this.#restUntil) this.#choose(report);
    }
    for (const role of panel.roles) if (this.#isUnused(role)) panel.drop(role);
    this.#propose(controls.plan());
  }

  /** Back to the settings that were given. */
  undo(action: "undo" | "revert" = "undo", reason = "Somebody asked for it."): void {
    const plan = this.#options.controls.plan();
    if (isSamePlan(plan, this.#baseline)) return;
    this.#streaks.clear();
    this.#endRehearsal();
    const observed = this.#account?.observed;
    const samples = this.#account?.samples ?? 0;
    this.#change(plan, this.#baseline);
    this.#trial = undefined;
    this.#account = undefined;
    this.#options.panel.drop(FORMER);
    this.#options.panel.drop(BASELINE);
    this.#decide({
      ...{ action, setting: "all", from: this.#words(plan), to: this.#words(this.#baseline), samples, reason },
      ...(observed !== undefined && { observed: toPoints(observed) }),
    });
  }

  get #presentPlan(): CachePlan {
    return (this.#options.panel.ghost(CURRENT) as Ghost).plan;
  }

  /** Somebody else changed the settings: what they are now is what was given. */
  #startOver(plan: CachePlan): void {
    const { panel } = this.#options;
    const current = panel.ghost(CURRENT) as Ghost;
    panel.put(CURRENT, current.fork(plan));
    for (const role of panel.roles) if (role !== CURRENT) panel.drop(role);
    this.#baseline = plan;
    this.#trial = undefined;
    this.#account = undefined;
    this.#rehearsal = undefined;
    this.#bias = undefined;
    this.#streaks.clear();
    this.#bans.liftAll();
    this.#restUntil = this.#epoch + COOL_DOWN;
  }

  #judge(report: EpochReport, { trial, foretold, candidate, before }: OnTrial): void {
    trial.add(report);
    this.#account?.add(report);
    const { setting, from, to } = candidate;
    const found = { setting, observed: toPoints(trial.observed), samples: trial.samples };
    // Who looks often is deceived by chance more often: until the last look a loss must stand out further.
    if (trial.hasLost(this.#options.maxLoss * GUARD, trial.looks < TRIAL_LOOKS ? 2 : 1)) {
      this.#change(candidate.plan, before);
      this.#bans.impose(candidate.role, foretold, this.#epoch);
      this.#endTrial();
      if (isSamePlan(before, this.#baseline)) this.#settleAccount();
      const reason =
        `Since the step the cache is at ${pointsText(trial.observed)} to what the settings before would have given on ` +
        `${trial.samples} sampled lookups: taken back, and not tried again for a while.`;
      this.#decide({ action: "revert", from: to, to: from, ...found, reason });
    } else if (trial.looks >= TRIAL_LOOKS) {
      this.#endTrial();
      if (isSamePlan(candidate.plan, this.#baseline)) this.#settleAccount();
      this.#bans.lift(candidate.role);
      const against = `${trial.samples} sampled lookups, against a ghost of the settings before`;
      this.#decide({ action: "keep", from, to, ...found, reason: `${pointsText(trial.observed)} on ${against}: kept.` });
    }
  }

  #endTrial(): void {
    this.#trial = undefined;
    this.#bias = undefined;
    this.#options.panel.drop(FORMER);
    this.#restUntil = this.#epoch + COOL_DOWN;
  }

  #settleAccount(): void {
    this.#account = undefined;
    this.#options.panel.drop(BASELINE);
  }

  #noteBias({ actual, roles, weight }: EpochReport): void {
    const bias = (actual.worth - (roles.get(CURRENT)?.worth ?? 0)) / weight;
    this.#bias = this.#bias === undefined ? bias : this.#bias * BIAS_FADE + bias * (1 - BIAS_FADE);
  }

  #hasLostAll(report: EpochReport): boolean {
    if (this.#account === undefined) return false;
    this.#account.add(report);
    if (!this.#account.hasLost(this.#options.maxLoss * GUARD)) return false;
    const lost = pointsText(this.#account.observed);
    this.#restUntil = this.#epoch + COOL_DOWN;
    this.#bias = undefined;
    this.undo("revert", `Lately the cache is at ${lost} to what the settings that were given would have hit: all go back.`);
    return true;
  }

  #choose(report: EpochReport): void {
    const rehearsed = this.#rehearse(report);
    if (rehearsed !== undefined) return this.#take(rehearsed.candidate, rehearsed.gain, "step", report);
    let best: { readonly candidate: Candidate; readonly gain: number } | undefined;
    for (const candidate of this.#candidates) {
      const found = gainOf(candidate.role, report);
      if (found === undefined || this.#bans.holds(candidate.role, found.gain, this.#epoch)) continue;
      const { gain, noise } = found;
      if (this.#isBetter(candidate, found, report)) {
        if (best === undefined || gain > best.gain) best = { candidate, gain };
      } else if (this.#leadsBack(candidate)) {
        const streak = gain - noise > -NOTHING ? (this.#streaks.get(candidate.role) ?? 0) + 1 : 0;
        this.#streaks.set(candidate.role, streak);
        if (streak >= RELAX_IN_A_ROW && this.#rehearsal === undefined) return this.#take(candidate, gain, "relax", report);
      }
    }
    if (best === undefined || this.#rehearsal !== undefined) return;
    const { candidate } = best;
    const { panel } = this.#options;
    panel.put(REHEARSAL, (panel.ghost(CURRENT) as Ghost).fork(candidate.plan));
    this.#rehearsal = new Rehearsal(candidate);
  }

  #isBetter(candidate: Candidate, { gain, noise }: Gain, report: EpochReport): boolean {
    return gain >= this.#options.minGain && gain >= 2 * noise && this.#isWorthItsTime(candidate, gain, report);
  }

  /** One epoch of the rehearsal that is on; gives the step once it has convinced. */
  #rehearse(report: EpochReport): { readonly candidate: Candidate; readonly gain: number } | undefined {
    const rehearsal = this.#rehearsal;
    const found = gainOf(REHEARSAL, report);
    if (rehearsal === undefined || found === undefined) return undefined;
    const { candidate } = rehearsal;
    const outcome = rehearsal.add(found.gain, this.#isBetter(candidate, found, report), report);
    if (outcome !== "goes on") this.#endRehearsal();
    if (outcome === "convinces") return { candidate, gain: found.gain };
    if (outcome === "fails") this.#bans.rest(candidate.role, REST, found.gain, this.#epoch);
    return undefined;
  }

  #endRehearsal(): void {
    this.#rehearsal = undefined;
    this.#options.panel.drop(REHEARSAL);
  }

  #take(candidate: Candidate, gain: number, action: "step" | "relax", report: EpochReport): void {
    const { panel } = this.#options;
    const { setting, from, to, role } = candidate;
    const rate = percentText((report.roles.get(CURRENT)?.worth ?? 0) / report.weight);
    const foretold =
      action === "relax"
        ? `The way back towards the settings that were given costs nothing (${pointsText(gain)}), ${RELAX_IN_A_ROW} epochs in a row.`
        : `A ghost that changed to ${to} is at ${pointsText(gain)} to one that kept ${from} (${rate}), and has made up for the change.`;
    const reason = candidate.compression === undefined ? foretold : `${foretold} ${this.#timeInWords(candidate)}`;
    const found = { setting, from, to, predicted: toPoints(gain), samples: report.samples, reason };
    this.#streaks.clear();
    this.#endRehearsal();
    if (this.#mode === "advise") {
      this.#bans.rest(role, ADVICE_HOLDS, Infinity, this.#epoch);
      this.#decide({ action: "advise", ...found });
      return;
    }
    const before = this.#options.controls.plan();
    const bias = this.#bias ?? 0;
    // With the first step the settings before are those that were given: one ghost stands for both.
    const former = this.#account === undefined ? BASELINE : FORMER;
    panel.put(former, panel.ghost(CURRENT) as Ghost);
    this.#account ??= new Trial(BASELINE, bias, ACCOUNT_FADE);
    this.#change(before, candidate.plan);
    this.#trial = { trial: new Trial(former, bias), foretold: gain, candidate, before };
    this.#decide({ action, ...found });
  }

  /** Puts a plan into effect, and its ghost in the place of the present one's. */
  #change(from: CachePlan, to: CachePlan): void {
    const { panel, controls, tunables } = this.#options;
    for (const tunable of tunables) tunable.apply(from, to, controls);
    panel.put(CURRENT, (panel.ghost(CURRENT) as Ghost).fork(controls.plan()));
  }

  #propose(plan: CachePlan): void {
    const { panel, tunables, values } = this.#options;
    const all = tunables.flatMap((tunable) => tunable.candidates(plan));
    // How well values pack has to be known first.
    this.#candidates = all.filter(({ compression }) => compression === undefined || values.isKnown);
    for (const { role, plan: changed } of this.#candidates) panel.follow(role, changed);
  }

  #isUnused(role: string): boolean {
    return (
      ![CURRENT, FORMER, BASELINE, REHEARSAL].includes(role) && !this.#candidates.some((candidate) => candidate.role === role)
    );
  }

  /** Whether a step saves at least ten times the processor time that it takes. */
  #isWorthItsTime({ compression }: Candidate, gain: number, report: EpochReport): boolean {
    if (compression === undefined) return true;
    const { values } = this.#options;
    const more = values.msPerValue(compression.to) - values.msPerValue(compression.from);
    const savedMs = gain * (report.meanCostMs > 1 ? report.meanCostMs : UNKNOWN_COST_MS);
    return savedMs >= WORTH_OF_PROCESSOR * more * (report.stores / report.weight);
  }

  /** Whether a step of a setting that costs something goes towards what was given. */
  #leadsBack({ setting, plan }: Candidate): boolean {
    const present = this.#options.controls.plan();
    return RELAXING.has(setting) && distanceOf(plan, this.#baseline) < distanceOf(present, this.#baseline);
  }

  #timeInWords({ compression }: Candidate): string {
    const { values } = this.#options;
    const [from, to] = [values.msPerValue(compression?.from ?? "none"), values.msPerValue(compression?.to ?? "none")];
    return `Packing takes ${durationText(to)} a value in place of ${durationText(from)}.`;
  }

  #words(plan: CachePlan): string {
    return this.#options.tunables.map((tunable) => tunable.current(plan)).join("; ");
  }

  #decide(decision: Omit<TuningDecision, "number" | "at">): void {
    this.#options.decided(decision);
  }
}

interface Gain {
  /** A share. */
  readonly gain: number;
  /** What chance may make of it. */
  readonly noise: number;
}

/** What a role was better than the present plan. */
function gainOf(role: string, { roles, weight }: EpochReport): Gain | undefined {
  const [tally, current] = [roles.get(role), roles.get(CURRENT)];
  if (tally === undefined || current === undefined) return undefined;
  return { gain: (tally.worth - current.worth) / weight, noise: Math.sqrt(tally.spreadToCurrent) / weight };
}

/** To points of hit rate, with two digits. */
function toPoints(share: number): number {
  return Math.round(share * 10_000) / 100;
}
