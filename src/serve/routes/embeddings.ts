/** `POST /v1/embeddings` as OpenAI has it (https://platform.openai.com/docs/api-reference/embeddings), over a local model. */
import { isJsonObject } from "../../core/plain.ts";
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import { jsonBody } from "../json-body.ts";
import { openAiError } from "../wire-errors.ts";

export interface EmbeddingsRouteOptions {
  readonly embeddings: EmbeddingsInterface;
  /** What clients may call it. */
  readonly model: string;
  readonly maxBytes: number;
}

/** As OpenAI has it. */
const MAX_TEXTS = 2_048;

export async function createEmbeddings(
  { embeddings, model, maxBytes }: EmbeddingsRouteOptions,
  request: Request,
): Promise<Response> {
  const body = await jsonBody(request, maxBytes);
  if (!body.ok) return openAiError(body.status, body.message);
  const { value } = body;
  if (!isJsonObject(value)) return openAiError(400, "The body is no JSON object.");
  const { input, encoding_format: format = "float", dimensions } = value;
  if (typeof value["model"] !== "string" || value["model"] === "") return openAiError(400, "`model` must be given.");
  if (value["model"] !== model) return openAiError(404, `The model is not served here; \`${model}\` is.`);
  const texts = typeof input === "string" ? [input] : input;
  if (!Array.isArray(texts) || texts.length === 0 || !texts.every((text): text is string => typeof text === "string")) {
    return openAiError(400, "`input` must be a text or a list of texts that is not empty. Lists of tokens are not taken.");
  }
  if (texts.length > MAX_TEXTS) return openAiError(400, `\`input\` holds ${texts.length} texts; at most ${MAX_TEXTS} are taken.`);
  if (format !== "float" && format !== "base64") return openAiError(400, '`encoding_format` must be "float" or "base64".');
  const vectors = await embeddings.embedDocuments(texts);
  if (dimensions !== undefined && dimensions !== vectors[0]?.length) {
    return openAiError(400, `\`dimensions\` of this model are ${vectors[0]?.length ?? 0}; it cannot be cut.`);
  }
  // Tokens are the provider's unit of price: here nothing is paid.
  return Response.json({
    object: "list",
    data: vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: format === "float" ? vector : base64(vector),
    })),
    model,
    usage: { prompt_tokens: 0, total_tokens: 0 },
  });
}

/** Float32, little-endian: what OpenAI's own clients ask for. */
function base64(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, number] of vector.entries()) bytes.writeFloatLE(number, index * 4);
  return bytes.toString("base64");
}
