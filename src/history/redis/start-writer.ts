/** The writer as a process of its own: `strata worker`, or a call in a program of yours. */
import { guardObserver } from "../../core/events.ts";
import { refuseUnknown } from "../../core/options.ts";
import { historyTables } from "../tables/history-tables.ts";
import { redisParts, type HybridLogOptions } from "../logs/hybrid.ts";
import { messageIndex } from "../tables/message-index.ts";
import { parseVectorModel, type EmbeddingOptions } from "../tables/message-vectors.ts";

/** Prefix and window as the processes that append have them; `hybridLog` says what each means. */
export type HistoryWriterOptions = Pick<
  HybridLogOptions,
  "sql" | "redis" | "prefix" | "hotWindow" | "claimAfter" | "deadline" | "observer" | "clock" | "random"
> &
  EmbeddingOptions & {
    /** Ends when the streams are empty and every message is indexed and has its vector, in place of going on; default `false`. */
    readonly once?: boolean | undefined;
  };

export interface HistoryWriter {
  /** Settles when the writer has ended: by itself (`once`), or after `close()`. */
  readonly ended: Promise<void>;
  /** Ends it after the batch under way; what is not stored stays in the stream. May be called twice. */
  close(): Promise<void>;
}

const REDIS = ["redis", "prefix", "hotWindow", "claimAfter", "deadline"];
const KNOWN = ["sql", ...REDIS, "embeddings", "embeddingModel", "observer", "clock", "random", "once"];

/**
 * Stores in PostgreSQL what processes with the durability `"redis"` have appended. Any number of writers share the work; what one
 * leaves that dies, another takes over after `claimAfter`. With `embeddings` and `embeddingModel` it gives messages their vectors
 * too, after they are stored.
 * @throws {@link StrataConfigError} naming the option
 */
export function startHistoryWriter(options: HistoryWriterOptions): HistoryWriter {
  refuseUnknown("startHistoryWriter", options, KNOWN);
  const model = parseVectorModel("startHistoryWriter", options);
  const { once = false } = options;
  const emit = guardObserver(options.observer);
  const tables = historyTables("startHistoryWriter", options);
  const parts = redisParts("startHistoryWriter", options, tables, emit);
  const index = messageIndex(tables, parts.clock, emit, model);
  const writer = parts.writer((keys) => index.wake(keys));

  async function run(): Promise<void> {
    try {
      await (once ? writer.runOnce() : writer.run());
      if (once) await index.drain();
    } finally {
      await index.close();
      await parts.close();
    }
  }
  const ended = run();
  return {
    ended,
    async close() {
      await writer.close();
      await ended;
    },
  };
}
