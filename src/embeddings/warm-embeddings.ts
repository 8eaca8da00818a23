/** Warming up: making the vectors of texts that are going to be asked for. */
import type { Embeddings } from "@langchain/core/embeddings";
import type { CallOptions } from "../core/abort.ts";
import { parseChoice, parseCount, refuseUnknown } from "../core/options.ts";

export interface WarmEmbeddingsOptions extends CallOptions {
  /** Which vectors; default `"document"`. Queries are asked for one by one. */
  readonly kind?: "query" | "document" | undefined;
  /** Texts of one call; default 128. */
  readonly batchSize?: number | undefined;
}

export interface WarmEmbeddingsReport {
  /** Texts gone through, repeats included. */
  readonly texts: number;
  /** Texts that the provider was sent meanwhile, for other callers too. */
  readonly sent: number;
}

/** The work of `CachedEmbeddings.warm`. @param sent counts what the provider was sent so far */
export async function warmEmbeddings(
  texts: Iterable<string>,
  options: WarmEmbeddingsOptions,
  embeddings: Pick<Embeddings, "embedQuery"> & { embedDocuments(texts: string[], options: CallOptions): Promise<unknown> },
  sent: () => number,
): Promise<WarmEmbeddingsReport> {
  refuseUnknown("warm", options, ["kind", "batchSize", "signal"]);
  const kind = parseChoice("warm.kind", options.kind ?? "document", ["query", "document"]);
  const batchSize = parseCount("warm.batchSize", options.batchSize ?? 128);
  const asking: { embedQuery(text: string, options: CallOptions): Promise<unknown> } = embeddings;
  const before = sent();
  let done = 0;
  let batch: string[] = [];
  const send = async (): Promise<void> => {
    const call = { signal: options.signal };
    if (kind === "document") await embeddings.embedDocuments(batch, call);
    else for (const text of batch) await asking.embedQuery(text, call);
    done += batch.length;
    batch = [];
  };
  for (const text of texts) {
    batch.push(text);
    if (batch.length >= batchSize) await send();
  }
  if (batch.length > 0) await send();
  return { texts: done, sent: sent() - before };
}
