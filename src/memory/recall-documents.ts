/** From found turns to documents. */
import { Document } from "@langchain/core/documents";
import type { MemoryMetadata } from "./recall.ts";
import type { FoundTurn, Strategy } from "./strategy.ts";

/** Fresh objects each time: whoever gets them may change them. */
export function documentsOf(found: readonly FoundTurn[], ownerId: string, strategy: Strategy): Document<MemoryMetadata>[] {
  return found.map(({ turn, score, source }) => {
    const messageId = turn.messageId ?? turn.id;
    const metadata: MemoryMetadata = {
      messageId,
      sessionId: turn.sessionId,
      ownerId,
      role: turn.role,
      ...(turn.name !== undefined && { name: turn.name }),
      createdAt: new Date(turn.createdAt).toISOString(),
      score,
      source,
      strategy,
    };
    return new Document({ id: messageId, pageContent: turn.text, metadata });
  });
}

/** The first ones that fit; one that does not is passed over for shorter ones after it. A token is taken as four characters. */
export function withinTokens<T extends { readonly pageContent: string }>(documents: readonly T[], tokens: number): T[] {
  let left = tokens;
  return documents.filter(({ pageContent }) => {
    const needed = Math.ceil(pageContent.length / 4);
    if (needed > left) return false;
    left -= needed;
    return true;
  });
}

/** "3 messages from 2 conversations, 2026-05-01 to 2026-05-07." Holds no text of any message. */
export function contextSummaryOf(documents: readonly Document<MemoryMetadata>[], strategy: Strategy): string {
  if (documents.length === 0) {
    return strategy === "session_only" ? "Nothing was looked up: the conversation itself is enough." : "Nothing was found.";
  }
  const sessions = new Set(documents.map(({ metadata }) => metadata.sessionId)).size;
  const days = documents.map(({ metadata }) => metadata.createdAt.slice(0, 10)).toSorted();
  const [first, last] = [days[0], days.at(-1)];
  return `${count(documents.length, "message")} from ${count(sessions, "conversation")}, ${first === last ? first : `${first} to ${last}`}.`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
