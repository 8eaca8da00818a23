/**
 * Where recall reads an owner's turns, and whom it asks to change them: the part of a `ConversationStore` that it uses. What an owner
 * may see is decided beneath this, by `ownerId`, and nowhere above.
 *
 * - A turn is given to its owner only; an owner without turns has none, and that is no error.
 * - `position` is another text after each turn that was stored, corrected or removed. It is asked before every recall, so it costs
 *   one small read.
 * - `sessions` and `turns` may already hold what was stored after `position` was asked; never less.
 */
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import type { CallOptions } from "../../core/abort.ts";
import type { OwnerTurn, TurnFilter } from "../../history/tables/conversation-catalog.ts";
import type { MessageName } from "../../history/tables/message-changes.ts";
import type { NearSearch, NearTurn, SessionState, TurnSearch } from "../../history/tables/turn-search.ts";

export interface TurnSource {
  /** For a retriever that is given none. */
  readonly embeddings?: EmbeddingsInterface | undefined;
  /** `false` where `search`, `nearest` and `embed` are refused, since the turns are encrypted; default `true`. */
  readonly isSearchable?: boolean | undefined;
  position(ownerId: string, options?: CallOptions): Promise<string>;
  sessions(ownerId: string, options?: CallOptions): Promise<readonly SessionState[]>;
  turns(filter: TurnFilter): Promise<{ readonly turns: readonly OwnerTurn[]; readonly cursor?: string | undefined }>;
  /**
   * The best turns for the words of a query with what stands beside them, for an owner whose turns do not fit into memory. Without it
   * such an owner is searched by the newest turns of the session alone.
   */
  search?(search: TurnSearch): Promise<readonly OwnerTurn[]>;
  /**
   * The turns whose stored vectors are nearest to a query's with what stands beside them, for such an owner; of one model's vectors.
   * Without it words alone find an owner's older turns.
   */
  nearest?(search: NearSearch): Promise<readonly NearTurn[]>;
  /** Stores the vectors that the turns of such an owner lack; may take long, and may be ended and begun again. */
  embed?(options: {
    readonly ownerId: string;
    readonly embeddings: EmbeddingsInterface;
    readonly model: string;
    readonly signal?: AbortSignal | undefined;
  }): Promise<number>;
  /** `false` when the owner has no such turn. */
  correct?(name: MessageName, text: string): Promise<boolean>;
  /** `false` when the owner has no such turn. */
  remove?(name: MessageName): Promise<boolean>;
}
