import { Embeddings } from "@langchain/core/embeddings";
import type { CallOptions } from "../core/abort.ts";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { parseCount, parseDuration, refuseUnknown, type Duration } from "../core/options.ts";
import { folderSource, MINILM_INFO, minilmSource, staticSource, type ModelFolder, type OnnxSettings } from "./local-models.ts";
import { onnxModel } from "./onnx-model.ts";
import { staticModel } from "./static-model.ts";
import type { LocalModelInfo, TextModel } from "./text-model.ts";

export interface LocalEmbeddingsOptions {
  /**
   * Which model; default `"static"`.
   *
   * - `"static"`: 256 dimensions, English and Portuguese, in plain JavaScript, within this package (8 MB).
   * - `"minilm"`: 384 dimensions, English and Portuguese, a transformer; needs `langchain-strata-minilm` (30 MB) and
   *   `onnxruntime-node`.
   * - `{ path }`: any sentence encoder as ONNX in a folder; needs `onnxruntime-node` and `@huggingface/tokenizers`.
   */
  readonly model?: "static" | "minilm" | ModelFolder | undefined;
  /** Threads for one batch, of an ONNX model; default 1, best for single short texts. */
  readonly threads?: number | undefined;
  /**
   * Longest time of one batch of an ONNX model (about 2,000 tokens, or one long text), its load included; default `"60s"`. Then the
   * call fails with `TIMEOUT` and the thread is replaced. To leave earlier pass a `signal` to the call.
   */
  readonly deadline?: Duration | undefined;
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
    refuseUnknown("LocalEmbeddings", options, ["model", "threads", "deadline"]);
    this.#model = modelOf(options);
  }

  /** Which model this is: name, dimensions, languages, licence, checksum. */
  get info(): LocalModelInfo {
    return this.#model.info;
  }

  /** Loads the model now, so that the first call need not. @throws as `embedQuery` */
  async load(): Promise<void> {
    await this.embedQuery("");
  }

  /**
   * The vector of a text that is searched with.
   * @throws {@link StrataError} `MISSING_PEER` when a package is not installed, `UNAVAILABLE` when the model's files cannot be read
   *   or its thread ended, `CORRUPT` when they are other files than were measured, `TIMEOUT`, `CLOSED`; the next call tries again
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

function modelOf(options: LocalEmbeddingsOptions): TextModel {
  const { model = "static" } = options;
  const settings: OnnxSettings = {
    threads: parseCount("LocalEmbeddings.threads", options.threads ?? 1),
    deadlineMs: parseDuration("LocalEmbeddings.deadline", options.deadline ?? "60s"),
  };
  if (typeof model === "object" && model !== null) {
    const source = folderSource("LocalEmbeddings.model", model, settings);
    return onnxModel(() => source, source.info);
  }
  if (model === "minilm") return onnxModel(() => minilmSource(settings), MINILM_INFO);
  if (model === "static") return staticModel(staticSource());
  throw new StrataConfigError("LocalEmbeddings.model", model, '"static", "minilm" or { path }');
}
