/** The two ways of making tokens for ONNX models. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type * as huggingface from "@huggingface/tokenizers";
import { StrataError } from "../core/errors.ts";
import { readModelFile, type Checksums } from "./model-files.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { WordPiece } from "./word-piece.ts";

/** That of our own models: `[CLS] … [SEP]` around the pieces of `vocab.txt`. */
export async function wordPieceTokenizer(folder: string, maxTokens: number, checksums: Checksums): Promise<Tokenizer> {
  const words = new WordPiece(new TextDecoder().decode(await readModelFile(folder, "vocab.txt", checksums)));
  const start = words.id("[CLS]");
  const end = words.id("[SEP]");
  return {
    padding: words.id("[PAD]"),
    encode(text, pair) {
      const first = [start, ...words.encode(text, maxTokens - 2), end];
      const second = pair === undefined ? [] : [...words.encode(pair, Math.max(0, maxTokens - first.length - 1)), end];
      const special = new Set([start, end, words.unknown]);
      const ids = [...first, ...second].slice(0, maxTokens);
      return {
        ids,
        types: ids.map((_, index) => (index < first.length ? 0 : 1)),
        isKnown: ids.some((id) => !special.has(id)),
      };
    },
  };
}

/** That of any folder with a `tokenizer.json`, by way of the optional package `@huggingface/tokenizers`. */
export async function jsonTokenizer(folder: string, maxTokens: number): Promise<Tokenizer> {
  const [{ Tokenizer }, definition, config] = await Promise.all([
    loadTokenizers(),
    readJson(join(folder, "tokenizer.json")),
    // Older exports have none; all that counts here is in the other file.
    readJson(join(folder, "tokenizer_config.json")).catch(() => ({})),
  ]);
  // The file's own bounds are those of its training run.
  const tokenizer = new Tokenizer({ ...definition, truncation: null, padding: null }, config);
  const idOf = (...names: string[]): number | undefined => {
    for (const name of names) {
      const id = tokenizer.token_to_id(name);
      if (id !== undefined) return id;
    }
    return undefined;
  };
  const empty = new Set(tokenizer.encode("").ids);
  const unknown = idOf("[UNK]", "<unk>");
  if (unknown !== undefined) empty.add(unknown);
  return {
    padding: idOf("[PAD]", "<pad>") ?? 0,
    encode(text, pair) {
      // The library does not take an unpaired surrogate.
      const encoding = tokenizer.encode(text.toWellFormed(), {
        return_token_type_ids: true,
        ...(pair !== undefined && { text_pair: pair.toWellFormed() }),
      });
      return {
        ids: cut(encoding.ids, maxTokens),
        types: cut(encoding.token_type_ids, maxTokens),
        isKnown: encoding.ids.some((id: number) => !empty.has(id)),
      };
    },
  };
}

/** The last token ends the text, and stays. */
function cut(values: readonly number[], limit: number): readonly number[] {
  return values.length <= limit ? values : [...values.slice(0, limit - 1), ...values.slice(-1)];
}

async function readJson(path: string): Promise<object> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as object;
  } catch (cause) {
    throw new StrataError("UNAVAILABLE", `The model's file ${path} cannot be read.`, { cause });
  }
}

async function loadTokenizers(): Promise<typeof huggingface> {
  try {
    return await import("@huggingface/tokenizers");
  } catch (cause) {
    throw new StrataError(
      "MISSING_PEER",
      "A model from a folder needs the package that reads its tokenizer: npm install @huggingface/tokenizers",
      { cause },
    );
  }
}
