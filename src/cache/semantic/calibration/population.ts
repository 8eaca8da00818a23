/** What one population taught, and how it is decided there. See `policies/calibrated.ts` for the method. */
import { LRUCache } from "lru-cache";
import { matchFeatures } from "../match-features.ts";
import { sigmoid } from "../numerics/logistic.ts";
import type { Phrase } from "../phrase.ts";
import type { SemanticCandidate, SemanticDecision, SemanticOutcome } from "../similarity-policy.ts";
import { unmatched, vetoOf, type Difference } from "../vetoes.ts";
import { Agreement } from "./agreement.ts";
import { Brake } from "./brake.ts";
import { DocumentFrequencies } from "./document-frequencies.ts";
import { foldOf, MatchModel, wordSlots } from "./match-model.ts";
import { chooseThreshold, SERVE_NOTHING, type Threshold } from "./threshold.ts";
import { VerifyZone } from "./verify-zone.ts";

export interface PopulationOptions {
  readonly target: number;
  readonly audit: number;
  readonly judged: number;
  readonly random: () => number;
  readonly read: (text: string) => Phrase;
}

/** New labels from which the model is fitted again, when there are few; later a twentieth more. */
const FEWEST_LABELS = 40;
/** Entries whose own record is kept, and words, and questions that share an answer. */
const MOST_ENTRIES = 5_000;
const MOST_WORDS = 20_000;
const MOST_QUESTIONS = 20_000;
/** How much an entry's own record has to outweigh: as if it had been right as expected so often. */
const ENTRY_SHRINKAGE = 2;

interface Match {
  readonly candidate: number;
  readonly p: number;
  readonly dense: Float64Array;
  readonly sparse: Uint16Array;
}

export class Population {
  readonly #options: PopulationOptions;
  readonly words: DocumentFrequencies;
  readonly model: MatchModel;
  readonly #brake: Brake;
  readonly #agreement = new Agreement(MOST_QUESTIONS);
  /** By entry: how surely it was expected to be right where it was wrong, and the curvature of all its outcomes. */
  readonly #entries = new LRUCache<string, { excess: number; weight: number }>({ max: MOST_ENTRIES });
  readonly #zone: VerifyZone;
  #threshold: Threshold = SERVE_NOTHING;
  #sinceFit = 0;
  #fitting = false;
  #braked = false;

  constructor(
    options: PopulationOptions,
    words: DocumentFrequencies = new DocumentFrequencies(MOST_WORDS),
    model: MatchModel = new MatchModel(),
    stakes?: readonly number[],
  ) {
    this.#options = options;
    this.words = words;
    this.model = model;
    this.#brake = new Brake(options.target, stakes);
    this.#zone = new VerifyZone(options.judged);
    if (model.labels.length > 0) this.#threshold = chooseThreshold(model.heldOut(), options.target);
  }

  get threshold(): Threshold {
    return this.#threshold;
  }

  get stakes(): readonly number[] {
    return this.#brake.export();
  }

  decide(question: string, candidates: readonly SemanticCandidate[]): SemanticDecision {
    const phrase = this.#options.read(question);
    this.words.add(phrase);
    let best: Match | undefined;
    let vetoed: { candidate: number; veto: string } | undefined;
    for (const candidate of candidates.keys()) {
      const other = this.#options.read(candidates[candidate]!.text);
      const difference = unmatched(phrase, other);
      const veto = vetoOf(phrase, other, difference);
      if (veto !== undefined) vetoed ??= { candidate, veto };
      else {
        const match = this.#match(question, phrase, candidates, candidate, difference);
        if (best === undefined || match.p > best.p) best = match;
      }
    }
    if (best === undefined) {
      this.#zone.note(0);
      return vetoed === undefined
        ? { action: "miss", reason: "There is no candidate." }
        : { action: "miss", ...vetoed, reason: `The questions differ in what the veto "${vetoed.veto}" looks at.` };
    }
    return this.#act(best);
  }

  #act({ candidate, p }: Match): SemanticDecision {
    const { target, audit, random } = this.#options;
    const { p: least, seen, wrong, bound } = this.#threshold;
    const about = { candidate, confidence: p };
    const estimate = `estimated ${percent(p)} right`;
    if (p >= least) {
      const reason = `${estimate}, served from ${percent(least)}: ${wrong} of ${seen} such were wrong, at most ${percent(bound)} with 99 % confidence`;
      this.#zone.note(1);
      return random() < audit
        ? { action: "serve", audit: true, ...about, reason: `Checked: ${reason}.` }
        : { action: "serve", ...about, reason: `${capital(reason)}.` };
    }
    const why = Number.isFinite(least)
      ? `served from ${percent(least)}`
      : this.#braked
        ? "nothing is served since the audits broke the promise, until it is kept again"
        : `nothing is served until a bound of ${percent(target)} is shown`;
    const verify = this.#zone.covers(p);
    this.#zone.note(p);
    if (verify && p >= LIKELY && random() < (Number.isFinite(least) ? PROBED_LATER : PROBED)) {
      return { action: "miss", audit: true, ...about, reason: `Checked: ${estimate}, ${why}.` };
    }
    return { action: verify ? "verify" : "miss", ...about, reason: `${capital(estimate)}, ${why}.` };
  }

  #match(
    question: string,
    phrase: Phrase,
    candidates: readonly SemanticCandidate[],
    index: number,
    difference: Difference,
  ): Match {
    const candidate = candidates[index]!;
    const other = this.#options.read(candidate.text);
    const standing = this.#standing(candidates, index);
    const dense = matchFeatures(phrase, other, standing, (word) => this.words.rarity(word), difference);
    const sparse = wordSlots(difference);
    const record = this.#entries.get(candidate.entryId);
    // An entry's own record only ever counts against it, so that it cannot loosen the bound.
    const offset = record === undefined ? 0 : -record.excess / (record.weight + ENTRY_SHRINKAGE);
    const p = sigmoid(this.model.score(foldOf(question), dense, sparse) + offset * ENTRY_WEIGHT);
    return { candidate: index, p, dense, sparse };
  }

  #standing(candidates: readonly SemanticCandidate[], index: number): { similarity: number; margin: number; agree: number } {
    const { entryId, text, similarity } = candidates[index]!;
    const group = this.#agreement.group(text);
    let rival = LEAST_SIMILARITY;
    let agreeing = 0;
    for (const [other, candidate] of candidates.entries()) {
      if (other === index) continue;
      const same = candidate.entryId === entryId || (group !== undefined && this.#agreement.group(candidate.text) === group);
      if (same) agreeing++;
      else rival = Math.max(rival, candidate.similarity);
    }
    return { similarity, margin: similarity - rival, agree: Math.min(1, agreeing / 4) };
  }

  learn({ question, candidates, candidate, right, source }: SemanticOutcome): void {
    const entry = candidates[candidate];
    if (entry === undefined) return;
    const phrase = this.#options.read(question.text);
    const other = this.#options.read(entry.text);
    const difference = unmatched(phrase, other);
    if (vetoOf(phrase, other, difference) === undefined) {
      const { p, dense, sparse } = this.#match(question.text, phrase, candidates, candidate, difference);
      // Who is content seldom says so: praise teaches the model, and proves nothing about the share of wrong hits. Nor does
      // a verifier: those that err in one of twenty would hide, or fake, any share that can be promised.
      const counts = source === "answer" || source === "audit" || (source === "feedback" && !right);
      this.model.add({ dense, sparse, right, fold: foldOf(question.text), counts });
      const record = this.#entries.get(entry.entryId) ?? { excess: 0, weight: 0 };
      record.excess = right ? record.excess * FORGIVEN : record.excess + (source === "feedback" ? COMPLAINT : 1) * p;
      record.weight += p * (1 - p);
      this.#entries.set(entry.entryId, record);
      if (source === "audit" && p >= this.#threshold.p && this.#brake.audit(right)) this.#close();
      this.#refit();
    }
    if (right) this.#agreement.join(question.text, entry.text);
  }

  #close(): void {
    this.model.discount();
    this.#threshold = SERVE_NOTHING;
    this.#braked = true;
  }

  /** One part of the model for each label, once enough labels are new. */
  #refit(): void {
    this.#sinceFit++;
    if (!this.#fitting && this.#sinceFit < Math.max(FEWEST_LABELS, this.model.labels.length / 20)) return;
    this.#fitting = !this.model.fitNext();
    if (this.#fitting) return;
    this.#sinceFit = 0;
    this.#threshold = chooseThreshold(this.model.heldOut(), this.#options.target);
    if (Number.isFinite(this.#threshold.p)) this.#braked = false;
  }
}

/** From this probability a part of what a verifier could be asked about is left to the model, whose answer tells for sure. */
const LIKELY = 0.75;
const PROBED = 0.1;
const PROBED_LATER = 0.03;
/** A wrong answer of an entry whose expected odds are even takes this from its log odds, before shrinkage. */
const ENTRY_WEIGHT = 2;
/** A person who complains silences an entry, until right answers have told for it again. */
const COMPLAINT = 40;
/** What a right answer leaves of an entry's record. */
const FORGIVEN = 0.8;
/** Where there is no rival, the margin is to this. */
const LEAST_SIMILARITY = 0.6;

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
