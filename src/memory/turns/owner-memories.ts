/**
 * The memories of many owners, the lately used ones in the heap, each as new as the log.
 *
 * Before every use the log is asked for its position; where that moved, only the sessions that changed are read. A look that began
 * before the caller came is never good enough for the caller: somebody may have stored a message in between, and told the caller so.
 * So callers wait for the look under way and then share the next one.
 */
import { LRUCache } from "lru-cache";
import { waitOrAbort, type CallOptions } from "../../core/abort.ts";
import type { OwnerTurn, TurnFilter } from "../../history/tables/conversation-catalog.ts";
import type { SessionState } from "../../history/tables/turn-search.ts";
import { OwnerMemory } from "./owner-memory.ts";
import type { TurnSource } from "./turn-source.ts";

export interface OwnerMemoriesOptions {
  readonly source: TurnSource;
  /** Of all owners together; the owner used longest ago goes first. */
  readonly maxBytes: number;
  /** An owner with more turns is not held in memory. */
  readonly maxTurns: number;
  /** Told of a memory that was read or has changed, and whether there were turns before. */
  readonly onChange?: ((ownerId: string, memory: OwnerMemory, hadTurns: boolean) => void) | undefined;
}

/** A memory as it is at one position of the log; `undefined` for an owner who is too large. */
export interface CurrentMemory {
  readonly memory: OwnerMemory | undefined;
  readonly position: string;
}

interface Held {
  readonly memory: OwnerMemory | undefined;
  position: string;
  sessions: ReadonlyMap<string, SessionState>;
}

interface Looks {
  running: Promise<Held>;
  next: Promise<Held> | undefined;
}

const PAGE = 2_000;
/** Below this it is quicker to read the changed sessions one by one than everything. */
const FEW_SESSIONS = 16;

export class OwnerMemories {
  readonly #options: OwnerMemoriesOptions;
  readonly #held: LRUCache<string, Held>;
  readonly #looks = new Map<string, Looks>();

  constructor(options: OwnerMemoriesOptions) {
    this.#options = options;
    this.#held = new LRUCache({ maxSize: options.maxBytes, sizeCalculation: sizeOf });
  }

  /** How many owners are held. */
  get size(): number {
    return this.#held.size;
  }

  /** About how many bytes they take. */
  get bytes(): number {
    return this.#held.calculatedSize;
  }

  /** @throws what the source threw; nothing that is out of date is given in its place */
  async current(ownerId: string, options: CallOptions = {}): Promise<CurrentMemory> {
    options.signal?.throwIfAborted();
    return waitOrAbort(this.#join(ownerId), options.signal);
  }

  /** Says that a memory has grown by something that is not in the log, such as vectors. */
  grown(ownerId: string, memory: OwnerMemory): void {
    const held = this.#held.peek(ownerId);
    if (held?.memory === memory) this.#held.set(ownerId, held);
  }

  /** Lets go of an owner, or of all. */
  drop(ownerId?: string): void {
    if (ownerId === undefined) this.#held.clear();
    else this.#held.delete(ownerId);
  }

  #join(ownerId: string): Promise<Held> {
    const looks = this.#looks.get(ownerId);
    if (looks === undefined) {
      const running = this.#look(ownerId);
      this.#follow(ownerId, { running, next: undefined });
      return running;
    }
    looks.next ??= looks.running.then(
      () => this.#look(ownerId),
      () => this.#look(ownerId),
    );
    return looks.next;
  }

  #follow(ownerId: string, looks: Looks): void {
    this.#looks.set(ownerId, looks);
    const end = (): void => {
      if (looks.next === undefined) this.#looks.delete(ownerId);
      else this.#follow(ownerId, { running: looks.next, next: undefined });
    };
    looks.running.then(end, end);
  }

  async #look(ownerId: string): Promise<Held> {
    const { source } = this.#options;
    const position = await source.position(ownerId);
    const held = this.#held.get(ownerId);
    if (held?.position === position) return held;
    if (held !== undefined && held.memory === undefined) {
      held.position = position;
      return held;
    }
    const sessions = new Map((await source.sessions(ownerId)).map((state) => [state.sessionId, state]));
    const before = held?.memory?.version;
    const hadTurns = (held?.memory?.order.size ?? 0) > 0;
    const updated = await this.#bring(ownerId, held, sessions);
    const result: Held = { memory: updated, position, sessions };
    this.#held.set(ownerId, result);
    if (updated !== undefined && (updated !== held?.memory || updated.version !== before)) {
      this.#options.onChange?.(ownerId, updated, hadTurns);
    }
    return result;
  }

  async #bring(
    ownerId: string,
    held: Held | undefined,
    sessions: ReadonlyMap<string, SessionState>,
  ): Promise<OwnerMemory | undefined> {
    const memory = held?.memory;
    const changed = [...sessions.values()].filter((state) => !isSame(held?.sessions.get(state.sessionId), state));
    const isWorthIt = memory !== undefined && changed.length <= FEW_SESSIONS && memory.holes <= memory.order.size + 1_000;
    if (!isWorthIt) return this.#load(ownerId, memory);
    // Read everything before anything is changed: a read that fails leaves the memory as it was.
    const reads = await Promise.all(
      changed.map(async (state) => {
        const known = held?.sessions.get(state.sessionId);
        const isLonger = known !== undefined && known.revision === state.revision;
        const turns = await this.#read({ ownerId, sessionId: state.sessionId, ...(isLonger && { afterSeq: known.lastSeq }) });
        return { sessionId: state.sessionId, isLonger, turns };
      }),
    );
    for (const { sessionId, isLonger, turns } of reads) {
      if (!isLonger) memory.replaceSession(sessionId, turns);
      else for (const turn of turns) memory.put(turn);
    }
    for (const sessionId of held?.sessions.keys() ?? []) if (!sessions.has(sessionId)) memory.replaceSession(sessionId, []);
    return memory.order.size > this.#options.maxTurns ? undefined : memory;
  }

  /** Everything anew; vectors of turns that stay are taken over. */
  async #load(ownerId: string, old: OwnerMemory | undefined): Promise<OwnerMemory | undefined> {
    const memory = new OwnerMemory();
    let cursor: string | undefined;
    do {
      const page = await this.#options.source.turns({ ownerId, limit: PAGE, cursor });
      for (const turn of page.turns) memory.put(turn);
      if (memory.order.size > this.#options.maxTurns) return undefined;
      cursor = page.cursor;
    } while (cursor !== undefined);
    if (old?.dense !== undefined) takeVectors(old, memory);
    return memory;
  }

  async #read(request: TurnFilter): Promise<OwnerTurn[]> {
    const turns: OwnerTurn[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#options.source.turns({ ...request, limit: PAGE, cursor });
      turns.push(...page.turns);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return turns;
  }
}

function sizeOf(held: Held): number {
  return Math.max(1, Math.ceil(1_000 + (held.memory?.bytes ?? 0)));
}

function isSame(a: SessionState | undefined, b: SessionState): boolean {
  return a?.lastSeq === b.lastSeq && a.revision === b.revision;
}

function takeVectors(from: OwnerMemory, to: OwnerMemory): void {
  for (const turn of to.turns()) {
    const old = from.order.numberOf(turn.id);
    const vector = old === undefined || from.order.turn(old)?.text !== turn.text ? undefined : from.dense?.vector(old);
    if (vector !== undefined) to.setVector(to.order.numberOf(turn.id) as number, turn.text, vector);
  }
}
