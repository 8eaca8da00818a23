/** An entry of the stream as the writer sees it: one append, or a part of a large one. */
import type { Digest } from "../../core/key.ts";
import { conversationKey } from "../conversation-key.ts";
import type { NumberedBatch } from "../tables/history-tables.ts";
import type { ConversationNotes } from "../message-log.ts";
import { unpackMessage } from "./layout.ts";

export interface StreamEntry {
  /** `milliseconds-count`, by the clock of Redis. */
  readonly id: string;
  readonly fields: readonly string[];
  /** What it counts among the bytes of the stream. */
  readonly size: number;
  /** `undefined` for an entry that nobody can read. */
  readonly batch: NumberedBatch | undefined;
  readonly key?: Digest;
  /** The number under which it is noted as undrained. */
  readonly first?: number;
}

/** What `XREADGROUP` and `XRANGE` give of one entry; no fields when it was deleted. */
export type RawEntry = readonly [id: string, fields: readonly string[] | null];

export function readEntry([id, fields]: RawEntry): StreamEntry {
  const list = fields ?? [];
  const size = Number(fieldOf(list, "z") ?? 0);
  const entry = { id, fields: list, size: Number.isSafeInteger(size) ? size : 0 };
  try {
    const [ownerId, sessionId] = JSON.parse(fieldOf(list, "c") ?? "") as [string, string];
    const notes = fieldOf(list, "n");
    const messages = list.flatMap((name, at) => (at % 2 === 0 && name === "m" ? [unpackMessage(list[at + 1] ?? "")] : []));
    const first = messages[0]?.seq;
    if (typeof ownerId !== "string" || typeof sessionId !== "string" || first === undefined)
      return { ...entry, batch: undefined };
    const conversation = { ownerId, sessionId };
    const batch: NumberedBatch = {
      conversation,
      messages,
      acceptedAt: acceptedAt(id),
      ...(notes !== undefined && notes !== "" && { notes: JSON.parse(notes) as ConversationNotes }),
    };
    return { ...entry, batch, key: conversationKey(conversation), first };
  } catch {
    return { ...entry, batch: undefined };
  }
}

/** Unix ms of the server at which an entry was made. */
export function acceptedAt(id: string): number {
  return Number(id.split("-", 1)[0]);
}

function fieldOf(fields: readonly string[], name: string): string | undefined {
  for (let at = 0; at + 1 < fields.length; at += 2) if (fields[at] === name) return fields[at + 1];
  return undefined;
}
