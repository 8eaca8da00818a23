/** What is remembered of an owner, as the owner may see it, and which part of it is to be changed. */
import { parseCount } from "../../core/options.ts";
import type { TurnSource } from "./turn-source.ts";

/** One message as the owner may see it. */
export interface RememberedMessage {
  readonly messageId: string;
  readonly sessionId: string;
  readonly role: string;
  readonly name?: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly text: string;
}

export interface InspectOptions {
  readonly ownerId?: string | undefined;
  readonly sessionId?: string | undefined;
  /** Of one page; default 100. */
  readonly limit?: number | undefined;
  /** The `cursor` of the page before. */
  readonly cursor?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface InspectPage {
  /** Session by session in the order in which they began, oldest first. */
  readonly messages: readonly RememberedMessage[];
  /** For the next page; absent on the last. */
  readonly cursor?: string;
}

/** Which message. */
export interface ChangeOptions {
  readonly ownerId?: string | undefined;
  /** Needed where several sessions have a message of this id. */
  readonly sessionId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A page of an owner's messages. */
export async function inspectPage(store: TurnSource, ownerId: string, options: InspectOptions): Promise<InspectPage> {
  const { sessionId, cursor, signal } = options;
  const limit = parseCount("inspect.limit", options.limit ?? 100);
  const page = await store.turns({ ownerId, sessionId, limit, cursor, signal });
  const messages = page.turns.map(({ id: messageId, sessionId: session, role, name, createdAt, text }) => ({
    ...{ messageId, sessionId: session, role },
    ...(name !== undefined && { name }),
    ...{ createdAt: new Date(createdAt).toISOString(), text },
  }));
  return { messages, ...(page.cursor !== undefined && { cursor: page.cursor }) };
}
