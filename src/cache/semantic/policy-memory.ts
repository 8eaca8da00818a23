/**
 * What must outlive the process beside questions and answers: what the policy has learned, and which partitions there are.
 *
 * It is one value of the store, so it is written atomically, goes where the answers go, and is there again with them. It is written
 * a moment after something changed; a process that is killed forgets what it learned in that moment. Processes that share tiers
 * each learn for themselves, and the last one to write is remembered.
 */
import type { Clock } from "../../core/clock.ts";
import { digest, type Digest } from "../../core/key.ts";
import { toPlain, type Json } from "../../core/plain.ts";
import { GLOBAL_SCOPE } from "../../core/scope.ts";
import type { TieredStore } from "../tiered-store.ts";
import type { SimilarityPolicy } from "./similarity-policy.ts";

/** A set of questions that may be compared, as `similar()` finds it. */
export interface KnownPartition {
  readonly scope: Digest;
  readonly family: Digest;
  readonly partition: Digest;
  readonly model: Digest;
}

export interface PolicyMemoryOptions {
  readonly store: TieredStore;
  readonly clock: Clock;
  /** Of the embedding model: what was learned of one says nothing of another. */
  readonly identity: Digest;
  readonly policy: () => SimilarityPolicy;
  readonly onError: (error: unknown) => void;
}

const DELAY_MS = 1_000;
/** The last ones used; each turn of a conversation has one of its own. */
const MAX_PARTITIONS = 2_000;
/** By it the state is told from answers. Users' tags hold no control characters. */
const STATE_MARK = "\u0001state";
const VERSION = 1;
/** What it is taken to save: it must outlast answers. */
const COST_MS = 600_000;

interface State {
  readonly v: number;
  readonly policy: Json;
  readonly partitions: readonly KnownPartition[];
}

export class PolicyMemory {
  readonly #options: PolicyMemoryOptions;
  readonly #partitions = new Map<Digest, KnownPartition>();
  #restored: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #isDirty = false;

  constructor(options: PolicyMemoryOptions) {
    this.#options = options;
  }

  /** Resolves when what an earlier process knew is known here. Never rejects. */
  ready(): Promise<void> {
    return (this.#restored ??= this.#restore());
  }

  /** The partitions of a scope, the last used first. */
  partitionsOf(scope: Digest): readonly KnownPartition[] {
    return [...this.#partitions.values()].filter((known) => known.scope === scope).toReversed();
  }

  notePartition(known: KnownPartition): void {
    const isNew = !this.#partitions.delete(known.partition);
    this.#partitions.set(known.partition, known);
    for (const oldest of this.#partitions.keys()) {
      if (this.#partitions.size <= MAX_PARTITIONS) break;
      this.#partitions.delete(oldest);
    }
    if (isNew) this.changed();
  }

  /** Something is to be written soon. */
  changed(): void {
    this.#isDirty = true;
    this.#cancel ??= this.#options.clock.setTimer(DELAY_MS, () => void this.save(), { background: true });
  }

  /** Writes what changed. Never rejects. */
  async save(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    if (!this.#isDirty) return;
    this.#isDirty = false;
    try {
      await this.ready();
      const exported = this.#options.policy().export?.();
      const state: State = {
        v: VERSION,
        policy: exported === undefined ? null : toPlain(exported),
        partitions: [...this.#partitions.values()],
      };
      await this.#options.store.set({
        ...{ key: this.#key(), scope: GLOBAL_SCOPE, value: state, tags: [STATE_MARK], expiresAt: undefined, cost: COST_MS },
        payload: Buffer.from(JSON.stringify(state)),
      });
    } catch (error) {
      this.#options.onError(error);
    }
  }

  async #restore(): Promise<void> {
    const { store, policy, onError } = this.#options;
    try {
      const found = await store.get(this.#key(), GLOBAL_SCOPE, readState);
      if (found === undefined) return;
      const { policy: learned, partitions } = found.value;
      if (learned !== null && policy().restore?.(learned) === false)
        onError(new Error("What the policy had learned is not known."));
      // What was used since is newer.
      const used = [...this.#partitions.values()];
      this.#partitions.clear();
      for (const known of [...partitions, ...used]) this.#partitions.set(known.partition, known);
    } catch (error) {
      onError(error);
    }
  }

  #key(): Digest {
    return digest("semantic-state", this.#options.identity, this.#options.policy().name);
  }
}

function readState(payload: Buffer): State {
  const state = JSON.parse(payload.toString("utf8")) as Partial<State>;
  if (state.v !== VERSION || !Array.isArray(state.partitions)) throw new TypeError("A stored value is no state of this release.");
  const partitions = (state.partitions as readonly Partial<KnownPartition>[]).filter((known): known is KnownPartition =>
    [known?.scope, known?.family, known?.partition, known?.model].every((part) => typeof part === "string"),
  );
  return { v: VERSION, policy: state.policy ?? null, partitions };
}
