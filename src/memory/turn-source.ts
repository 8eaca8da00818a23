/**
 * Where recall reads an owner's turns, and whom it asks to change them. The one seam between memory and the history: what an owner
 * may see is decided here, by `ownerId`, and nowhere above.
 *
 * - A turn is given to its owner only; an owner without turns has none, and that is no error.
 * - `position` is another text after each turn that was stored, corrected or removed. It is asked before every recall, so it costs
 *   one small read.
 * - `sessions` and `turns` may already hold what was stored after `position` was asked; never less.
 */
import type { CallOptions } from "../core/abort.ts";

/** One turn as it is stored. */
export interface OwnerTurn {
  /** The message's own id, unique within its session. */
  readonly id: string;
  readonly sessionId: string;
  /** Orders the turns of a session; unique within it. */
  readonly seq: number;
  readonly role: string;
  readonly name?: string | undefined;
  /** Unix ms. */
  readonly createdAt: number;
  readonly text: string;
}

/** How far a session has come. */
export interface SessionState {
  readonly sessionId: string;
  /** No turn has a higher number. */
  readonly lastSeq: number;
  /** Another text after each change that is not a new turn at the end. */
  readonly revision: string;
}

export interface TurnRequest extends CallOptions {
  readonly ownerId: string;
  /** Of one session only. */
  readonly sessionId?: string | undefined;
  /** With `sessionId`: only numbers above this. */
  readonly after?: number | undefined;
  /** At most so many on a page. */
  readonly limit?: number | undefined;
  /** The `cursor` of the page before. */
  readonly cursor?: string | undefined;
}

/** Each session's turns in their order; without a cursor it was the last page. */
export interface TurnPage {
  readonly items: readonly OwnerTurn[];
  readonly cursor?: string | undefined;
}

export interface TurnSearch extends CallOptions {
  readonly ownerId: string;
  /** Any of its words is enough. */
  readonly query: string;
  readonly sessionId?: string | undefined;
  /** Unix ms, inclusive and exclusive. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly limit: number;
}

/** Names one turn. */
export interface TurnName extends CallOptions {
  readonly ownerId: string;
  readonly messageId: string;
  /** Needed where several sessions have a message of this id. */
  readonly sessionId?: string | undefined;
}

export interface TurnSource {
  position(ownerId: string, options?: CallOptions): Promise<string>;
  sessions(ownerId: string, options?: CallOptions): Promise<readonly SessionState[]>;
  turns(request: TurnRequest): Promise<TurnPage>;
  /**
   * The best turns for the words of a query with what stands beside them, for an owner whose turns do not fit into memory. Without it
   * such an owner is searched by the newest turns alone.
   */
  search?(request: TurnSearch): Promise<readonly OwnerTurn[]>;
  /** `false` when the owner has no such turn. */
  correct?(name: TurnName, text: string): Promise<boolean>;
  /** `false` when the owner has no such turn. */
  remove?(name: TurnName): Promise<boolean>;
}
