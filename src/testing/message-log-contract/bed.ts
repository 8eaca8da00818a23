/** Where the contract's tests get their logs and messages from. */
import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import type { MaybePromise } from "../../core/abort.ts";
import type { Conversation, LogMessage, MessageLog, StoredMessage } from "../../history/message-log.ts";

/** What a log is made from. */
export interface MessageLogContext {
  /**
   * Names a store, with letters, digits and hyphens: a database, a key prefix. The suite asks for the same place again to open what
   * was closed there, or to open it a second time (`shared`); different places must never meet.
   */
  readonly place: string;
}

/** Builds a log. A place that was not named before must be empty. */
export type MakeMessageLog = (context: MessageLogContext) => MaybePromise<MessageLog>;

/** What a log can do beyond the minimum. */
export interface MessageLogCapabilities {
  /** Whether messages outlive `close()`, and a place can be open more than once at a time; default `false`. */
  readonly shared?: boolean;
}

export interface MessageLogBed {
  readonly capabilities: Required<MessageLogCapabilities>;
  /** Opens a log for the running test; it is closed when the test ends. @param place default a new, empty one */
  open(place?: string): Promise<MessageLog>;
  newPlace(): string;
}

export function messageLogBed(make: MakeMessageLog, capabilities: MessageLogCapabilities): MessageLogBed {
  const newPlace = (): string => `place-${randomUUID()}`;
  return {
    capabilities: { shared: false, ...capabilities },
    newPlace,
    async open(place = newPlace()) {
      const log = await make({ place });
      onTestFinished(() => log.close());
      return log;
    },
  };
}

export const TALK: Conversation = { ownerId: "ana", sessionId: "talk" };

/** When the messages of the tests were written: each a millisecond after the one before. */
const BEGINNING = Date.UTC(2026, 0, 1);

/** A message that tells by its parts which it is. */
export function message(id: string, change: Partial<LogMessage> = {}): LogMessage {
  const text = `text of ${id}`;
  return { id, role: "human", createdAt: BEGINNING, text, payload: JSON.stringify({ content: text }), ...change };
}

/** Messages `name 1`, `name 2`, … */
export function messages(name: string, count: number): LogMessage[] {
  return Array.from({ length: count }, (_, index) => message(`${name} ${index + 1}`, { createdAt: BEGINNING + index }));
}

export function idsOf(list: ReadonlyArray<{ readonly id: string }>): string[] {
  return list.map(({ id }) => id);
}

/** Without what the log adds. */
export function bare(list: readonly StoredMessage[]): LogMessage[] {
  return list.map(({ seq: _seq, ...rest }) => rest);
}

/** Whether numbers grow from one to the next. */
export function areGrowing(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => Number.isSafeInteger(number) && number > (numbers[index - 1] ?? 0));
}
