/**
 * The lists of `RedisChatMessageHistory`, the one of `@langchain/community` (ioredis) and the one of `@langchain/redis`: a list a
 * session, under the session's id as it is, the newest message first. They are read from their ends, which stay where they are when
 * messages are added meanwhile.
 */
import type { Clock } from "../../core/clock.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { connectRedis, type RedisConnection, type RedisSource } from "../../clients/redis.ts";
import { BATCH, type FormerHistory } from "./former-message.ts";

export interface RedisHistorySource {
  /** Where the lists are: an ioredis client, of which the configuration is taken, or a URL. */
  readonly redis: RedisSource | string;
  /** The sessions to take over. */
  readonly sessionIds?: Iterable<string> | undefined;
  /** In place of `sessionIds`: the lists whose keys match this pattern of Redis, such as `"chat-*"`. Not on a cluster. */
  readonly match?: string | undefined;
}

/** @throws {@link StrataConfigError} naming the option */
export function redisLists(source: RedisHistorySource, clock: Clock, random: () => number): FormerHistory {
  const { redis, sessionIds, match } = source;
  if ((sessionIds === undefined) === (match === undefined)) {
    throw new StrataConfigError("importHistory.from.sessionIds", sessionIds, "either `sessionIds` or `match`");
  }
  if (match !== undefined && (typeof match !== "string" || match === "")) {
    throw new StrataConfigError("importHistory.from.match", match, 'a pattern, such as "chat-*"');
  }
  const connection = connectRedis(redis, { option: "importHistory.from.redis", clock, random });
  if (match !== undefined && connection.isCluster) {
    throw new StrataConfigError("importHistory.from.match", match, "`sessionIds` on a cluster");
  }
  return {
    async *batches(positionOf, { signal }) {
      for await (const sessionId of sessionIds ?? keys(connection, match as string)) {
        signal?.throwIfAborted();
        const part = `redis ${sessionId}`;
        for (let position = await positionOf(part); ;) {
          const read = ["lrange", sessionId, -(position + BATCH), -(position + 1)] as const;
          const newestFirst = (await connection.send(read)) as string[];
          if (newestFirst.length === 0) break;
          const from = position;
          const entries = newestFirst.toReversed().map((text, index) => ({
            place: String(from + index),
            sessionId,
            stored: parse(text),
          }));
          position += entries.length;
          yield { part, position, entries };
          if (entries.length < BATCH) break;
        }
      }
    },
    close: () => connection.close(),
  };
}

async function* keys(connection: RedisConnection, match: string): AsyncGenerator<string> {
  const seen = new Set<string>();
  let cursor = "0";
  do {
    const reply = await connection.send(["scan", cursor, "MATCH", match, "COUNT", 500, "TYPE", "list"]);
    const [next, found] = reply as [string, string[]];
    for (const key of found) {
      // A scan may give a key twice.
      if (!seen.has(key)) yield key;
      seen.add(key);
    }
    cursor = next;
  } while (cursor !== "0");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    return error;
  }
}
