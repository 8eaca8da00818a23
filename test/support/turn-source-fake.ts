/** A history in memory that counts what it is asked. */
import type { OwnerTurn, TurnFilter } from "../../src/history/tables/conversation-catalog.ts";
import type { MessageName } from "../../src/history/tables/message-changes.ts";
import type { SessionState } from "../../src/history/tables/turn-search.ts";
import type { TurnSource } from "../../src/memory/turns/turn-source.ts";

interface Shelf {
  turns: OwnerTurn[];
  lastSeq: number;
  revision: number;
}

export class TurnSourceFake implements TurnSource {
  readonly #owners = new Map<string, Map<string, Shelf>>();
  readonly asked = { position: 0, sessions: 0, turns: 0, given: 0 };
  /** Runs before each answer: may wait, may throw. */
  before: (call: string) => Promise<void> | void = () => undefined;

  say(ownerId: string, sessionId: string, text: string, rest: Partial<OwnerTurn> = {}): OwnerTurn {
    const sessions = this.#owners.get(ownerId) ?? new Map<string, Shelf>();
    this.#owners.set(ownerId, sessions);
    const shelf = sessions.get(sessionId) ?? { turns: [], lastSeq: 0, revision: 0 };
    sessions.set(sessionId, shelf);
    const seq = ++shelf.lastSeq;
    const turn = { id: `m${seq}`, sessionId, seq, role: "human", createdAt: 1_700_000_000_000 + seq, text, ...rest };
    shelf.turns.push(turn);
    return turn;
  }

  forget(ownerId: string): void {
    this.#owners.delete(ownerId);
  }

  async position(ownerId: string): Promise<string> {
    this.asked.position++;
    await this.before("position");
    return (await this.#states(ownerId)).map((state) => JSON.stringify(state)).join();
  }

  async sessions(ownerId: string): Promise<readonly SessionState[]> {
    this.asked.sessions++;
    await this.before("sessions");
    return this.#states(ownerId);
  }

  async turns({ ownerId, sessionId, afterSeq = 0, limit = 1_000, cursor }: TurnFilter): Promise<{
    turns: OwnerTurn[];
    cursor?: string;
  }> {
    this.asked.turns++;
    await this.before("turns");
    const shelves = [...(this.#owners.get(ownerId) ?? [])].filter(([id]) => sessionId === undefined || id === sessionId);
    const all = shelves.flatMap(([, { turns }]) => turns.filter(({ seq }) => seq > afterSeq));
    const from = Number(cursor ?? 0);
    const turns = all.slice(from, from + limit);
    this.asked.given += turns.length;
    return { turns, ...(from + limit < all.length && { cursor: String(from + limit) }) };
  }

  async correct(name: MessageName, text: string): Promise<boolean> {
    return this.#change(name, (turn) => [{ ...turn, text }]);
  }

  async remove(name: MessageName): Promise<boolean> {
    return this.#change(name, () => []);
  }

  #change({ ownerId, messageId, sessionId }: MessageName, change: (turn: OwnerTurn) => OwnerTurn[]): boolean {
    for (const [id, shelf] of this.#owners.get(ownerId) ?? []) {
      if (sessionId !== undefined && id !== sessionId) continue;
      if (!shelf.turns.some((turn) => turn.id === messageId)) continue;
      shelf.turns = shelf.turns.flatMap((turn) => (turn.id === messageId ? change(turn) : [turn]));
      shelf.revision++;
      return true;
    }
    return false;
  }

  async #states(ownerId: string): Promise<SessionState[]> {
    const sessions = [...(this.#owners.get(ownerId) ?? [])];
    return sessions.map(([sessionId, { lastSeq, revision }]) => ({ sessionId, lastSeq, revision: String(revision) }));
  }
}
