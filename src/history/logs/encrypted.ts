/** Any message log with its messages encrypted: what lies in its tables, windows and streams is ciphertext. */
import type { CallOptions } from "../../core/abort.ts";
import { acceptConversation, acceptMessages, acceptOwner } from "../accept.ts";
import type {
  AppendOptions,
  AppendResult,
  Conversation,
  LogMessage,
  MessageLog,
  ReadRange,
  StoredMessage,
} from "../message-log.ts";
import type { MessageSealer } from "../message-sealer.ts";

export function encryptedLog(log: MessageLog, sealer: MessageSealer): MessageLog {
  const opened = (conversation: Conversation, messages: readonly StoredMessage[]): Promise<readonly StoredMessage[]> =>
    sealer.open(messages, () => conversation);
  const encrypted: MessageLog = {
    name: log.name,
    async append(conversation: Conversation, messages: readonly LogMessage[], options?: AppendOptions): Promise<AppendResult> {
      options?.signal?.throwIfAborted();
      acceptConversation(conversation);
      // The log beneath sees ciphertext only, which is always acceptable.
      return log.append(conversation, await sealer.seal(conversation, acceptMessages(messages)), options);
    },
    async read(conversation: Conversation, range?: ReadRange) {
      return opened(conversation, await log.read(conversation, range));
    },
    clear: (conversation, options) => log.clear(conversation, options),
    async forget(ownerId: string, options?: CallOptions): Promise<number> {
      options?.signal?.throwIfAborted();
      acceptOwner(ownerId);
      // First of all: whatever happens next, what copies hold is noise.
      await sealer.drop(ownerId);
      return log.forget(ownerId, options);
    },
    drain: (options) => log.drain(options),
    close: () => log.close(),
  };
  if (log.refresh !== undefined) encrypted.refresh = log.refresh.bind(log);
  const waiting = log.waiting?.bind(log);
  if (waiting === undefined) return encrypted;
  encrypted.waiting = async (ownerId, options) =>
    (await waiting(ownerId, options)).map((talk) => ({
      ...talk,
      read: async () => opened({ ownerId, sessionId: talk.sessionId }, await talk.read()),
    }));
  return encrypted;
}
