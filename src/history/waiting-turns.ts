/**
 * What of an owner is acknowledged and still on its way to the tables, for those who read turns. It is asked before the tables, never
 * after: what is stored in between is then found twice, and not missed.
 */
import type { CallOptions } from "../core/abort.ts";
import { digest } from "../core/key.ts";
import { acceptOwner } from "./accept.ts";
import type { OwnerTurn } from "./tables/conversation-catalog.ts";
import type { MessageLog, WaitingTalk } from "./message-log.ts";
import type { SessionState } from "./tables/turn-search.ts";

export interface WaitingFilter extends CallOptions {
  readonly ownerId: string;
  readonly sessionId?: string | undefined;
  readonly afterSeq?: number | undefined;
  /** Unix ms, inclusive. */
  readonly from?: number | undefined;
  /** Unix ms, exclusive. */
  readonly to?: number | undefined;
}

export function waitingTalks(log: MessageLog, ownerId: string, options?: CallOptions): Promise<readonly WaitingTalk[]> {
  acceptOwner(ownerId);
  return log.waiting?.(ownerId, options) ?? Promise.resolve([]);
}

/** Oldest first within each session. */
export async function waitingTurns(log: MessageLog, filter: WaitingFilter): Promise<OwnerTurn[]> {
  const { ownerId, sessionId, afterSeq = 0, from = -Infinity, to = Infinity, signal } = filter;
  const talks = await waitingTalks(log, ownerId, { signal });
  const wanted = talks.filter((talk) => (sessionId === undefined || talk.sessionId === sessionId) && talk.lastSeq > afterSeq);
  const read = await Promise.all(
    wanted.map(async (talk) =>
      (await talk.read()).map(({ id, seq, role, name, createdAt, text }): OwnerTurn => {
        return { ...{ id, seq, role, createdAt, text }, sessionId: talk.sessionId, ...(name !== undefined && { name }) };
      }),
    ),
  );
  return read.flat().filter(({ seq, createdAt }) => seq > afterSeq && createdAt >= from && createdAt < to);
}

/** The position of an owner, where something waits: another text after each message. */
export function positionWith(position: string, waiting: readonly WaitingTalk[]): string {
  if (waiting.length === 0) return position;
  return `${position}/${digest("waiting", JSON.stringify(waiting.map(({ sessionId, lastSeq }) => [sessionId, lastSeq])))}`;
}

/** Sessions as they are with what waits. */
export function statesWith(states: readonly SessionState[], waiting: readonly WaitingTalk[]): readonly SessionState[] {
  if (waiting.length === 0) return states;
  const known = new Map(states.map((state) => [state.sessionId, state]));
  for (const { sessionId, lastSeq } of waiting) {
    const state = known.get(sessionId);
    known.set(sessionId, { sessionId, revision: state?.revision ?? "", lastSeq: Math.max(lastSeq, state?.lastSeq ?? 0) });
  }
  return [...known.values()];
}

/** A page with what waits before it; of what has arrived meanwhile, the page's own. */
export function withWaiting(turns: readonly OwnerTurn[], waiting: readonly OwnerTurn[]): readonly OwnerTurn[] {
  if (waiting.length === 0) return turns;
  const stored = new Set(turns.map(({ sessionId, seq }) => `${seq}:${sessionId}`));
  return [...waiting.filter(({ sessionId, seq }) => !stored.has(`${seq}:${sessionId}`)), ...turns];
}
