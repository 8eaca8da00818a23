import { digest, type Digest } from "../core/key.ts";
import type { Conversation } from "./message-log.ts";

/** What a conversation is called in every store: fixed in length, and it tells nothing about who talks. */
export function conversationKey({ ownerId, sessionId }: Conversation): Digest {
  return digest("conversation", ownerId, sessionId);
}

export function ownerKey(ownerId: string): Digest {
  return digest("owner", ownerId);
}
