import { join } from "node:path";
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import type { CacheTier } from "../../cache/tier.ts";
import { diskTier } from "../../cache/tiers/disk.ts";
import { memoryTier } from "../../cache/tiers/memory.ts";
import { CachedEmbeddings } from "../../embeddings/cached-embeddings.ts";
import { LocalEmbeddings } from "../../embeddings/local-embeddings.ts";
import type { Observer } from "../../core/events.ts";
import type { EncryptionOptions } from "../../encryption/key-ring.ts";
import type { CheckedConfig } from "../config/read-config.ts";

/** The embeddings of all parts, and what tells their vectors from those of another model. */
export interface EmbeddingsPart {
  readonly embeddings: EmbeddingsInterface;
  readonly model: string;
  /** Where its vectors last, and what writes there what is still on its way; absent where none are kept. */
  readonly kept?: { readonly tier: CacheTier; readonly flush: () => Promise<void> };
  close(): Promise<void>;
}

/** Nothing is loaded here: models are at their first call. */
export function embeddingsPart(
  { embeddings = "static", data, clock, random }: CheckedConfig,
  observer: Observer | undefined,
  encryption: EncryptionOptions | undefined,
): EmbeddingsPart {
  if (embeddings === "static") {
    // Its vectors are made faster than a tier could give them.
    const local = new LocalEmbeddings();
    return { embeddings: local, model: local.info.model, close: () => local.close() };
  }
  const local = embeddings === "minilm" ? new LocalEmbeddings({ model: "minilm" }) : undefined;
  const given = local ?? (embeddings as EmbeddingsInterface);
  const model = local?.info.model ?? nameOf(given);
  const tier = diskTier({ path: join(data, "embeddings") });
  const cached = new CachedEmbeddings({
    ...{ embeddings: given, model, observer, encryption, clock, random },
    tiers: [memoryTier(), tier],
  });
  const close = async (): Promise<void> => {
    await cached.close();
    await local?.close();
  };
  return { embeddings: cached, model, kept: { tier, flush: () => cached.flush() }, close };
}

/** LangChain has no word for it; most classes have one of these fields. */
function nameOf(embeddings: EmbeddingsInterface): string {
  const { model, modelName } = embeddings as { readonly model?: unknown; readonly modelName?: unknown };
  const said = [model, modelName].find((name) => typeof name === "string" && name !== "");
  return `${embeddings.constructor.name} ${(said as string | undefined) ?? ""}`.trim();
}
