import { Embeddings } from "@langchain/core/embeddings";
import type { CallOptions } from "../core/abort.ts";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { parseChoice, refuseUnknown } from "../core/options.ts";
import { staticSource } from "./local-models.ts";
import { staticModel } from "./static-model.ts";
import type { LocalModelInfo, TextModel } from "./text-model.ts";

export interface LocalEmbeddingsOptions {
  /**
   * Which model; default `"static"`.
   *
   * - `"static"`: 256 dimensions, English and Portuguese, in plain JavaScript, within this package (8 MB).
   */
  readonly model?: "static" | undefined;
}

/**
 * Sentence vectors made in this process: no key, no network, no server. English and Portuguese, also across the two.
 *
 * Every vector has length 1, so the cosine is the dot product. A text in which the model knows no token, the empty one included,
 * gets a direction of its own that is near to no other text. Of a text the first 32,768 characters are read. The model is loaded
 * at the first call, or by `load()`.
 */
export class LocalEmbeddings extends Embeddings {
  readonly #model: TextModel;
  #closed = false;

  /** @throws {@link StrataConfigError} naming the option */
  constructor(options: LocalEmbeddingsOptions = {}) {
    super({});
    refuseUnknown("LocalEmbeddings", options, ["model"]);
    parseChoice("LocalEmbeddings.model", options.model ?? "static", ["static"]);
    this.#model = staticModel(staticSource());
  }

  /** Which model this is: name, dimensions, languages, licence, checksum. */
  get info(): LocalModelInfo {
    return this.#model.info;
  }

  /** Loads the model now, so that the first call need not. @throws as `embedQuery` */
  async load(): Promise<void> {
    await this.embedDocuments([]);
  }

  /**
   * The vector of a text that is searched with.
   * @throws {@link StrataError} `UNAVAILABLE` when the model's files cannot be read, `CORRUPT` when they are others, `CLOSED`
   */
  async embedQuery(text: string, options: CallOptions = {}): Promise<number[]> {
    const [vector] = await this.#embed([text], "query", options);
    return vector ?? [];
  }

  /** The vectors of texts that are searched in, in their order. @throws as `embedQuery` */
  embedDocuments(texts: string[], options: CallOptions = {}): Promise<number[][]> {
    return this.#embed(texts, "document", options);
  }

  /** Lets go of the model. Calls after it are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#model.close();
  }

  async #embed(texts: readonly string[], kind: "query" | "document", options: CallOptions): Promise<number[][]> {
    if (this.#closed) throw new StrataError("CLOSED", "The embeddings are closed.");
    for (const text of texts) if (typeof text !== "string") throw new StrataConfigError("text", text, "a string");
    return this.#model.embed(texts, { ...options, kind });
  }
}
