/**
 * Fakes of rerank servers over HTTP: requests and answers as Cohere, Jina, Voyage, Mixedbread, Text Embeddings Inference, vLLM and
 * Infinity write them, errors included; scores by shared words. They are no models. Where a provider's own text of an error is not known,
 * its shape is.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Bm25 } from "../../src/rerank/rerankers/bm25.ts";
import type { HttpDialectName } from "../../src/rerank/rerankers/http-dialects.ts";

export const FAKE_KEY = "sk-fake-4f2e91c07bd8";

export interface RerankFake {
  readonly url: string;
  /** Bodies as they came, with the headers. */
  readonly requests: {
    readonly path: string;
    readonly headers: IncomingMessage["headers"];
    readonly body: Record<string, unknown>;
  }[];
  /** What the next requests get, one each, in place of an answer. */
  readonly next: Reply[];
  close(): Promise<void>;
}

export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Row {
  readonly index: number;
  readonly score: number;
  readonly text: string;
}

interface Wire {
  readonly path: string;
  readonly needsKey: boolean;
  /** Fields that a request must and may have; another is refused. */
  readonly required: readonly string[];
  readonly optional: readonly string[];
  readonly texts: "documents" | "texts" | "input";
  readonly answer: (rows: readonly Row[], body: Record<string, unknown>) => unknown;
  readonly error: (status: number, message: string) => Reply;
  readonly maxTexts: number;
}

const detail = (status: number, message: string): Reply => ({ status, body: { detail: message } });
const relevance = ({ index, score }: Row): object => ({ index, relevance_score: score });
const usage = { prompt_tokens: 40, total_tokens: 42 };

const WIRES: Readonly<Record<HttpDialectName, Wire>> = {
  cohere: {
    ...{ path: "/v2/rerank", needsKey: true, texts: "documents", maxTexts: 10_000 },
    ...{ required: ["model", "query", "documents"], optional: ["top_n", "max_tokens_per_doc", "priority"] },
    answer: (rows) => ({
      results: rows.map(relevance),
      id: "07734bd2-2473-4f07-94e1-0d9f0e6843cf",
      meta: { api_version: { version: "2", is_experimental: false }, billed_units: { search_units: 1 } },
    }),
    error: (status, message) => ({ status, body: { message } }),
  },
  jina: {
    ...{ path: "/v1/rerank", needsKey: true, texts: "documents", maxTexts: 2_048 },
    ...{ required: ["model", "query", "documents"], optional: ["top_n", "return_documents"] },
    answer: (rows, { model, return_documents: wanted = true }) => ({
      ...{ model, usage },
      results: rows.map((row) => ({ ...relevance(row), ...(wanted === true && { document: { text: row.text } }) })),
    }),
    error: detail,
  },
  voyage: {
    ...{ path: "/v1/rerank", needsKey: true, texts: "documents", maxTexts: 1_000 },
    ...{ required: ["model", "query", "documents"], optional: ["top_k", "return_documents", "truncation"] },
    answer: (rows, { model }) => ({ object: "list", data: rows.map(relevance), model, usage: { total_tokens: 42 } }),
    error: detail,
  },
  mixedbread: {
    ...{ path: "/v1/reranking", needsKey: true, texts: "input", maxTexts: 1_000 },
    ...{ required: ["model", "query", "input"], optional: ["top_k", "return_input", "rank_fields"] },
    answer: (rows, { model }) => ({
      ...{ model, object: "list", top_k: rows.length, usage, return_input: false },
      data: rows.map(({ index, score }) => ({ index, score, object: "text_document" })),
    }),
    error: detail,
  },
  tei: {
    ...{ path: "/rerank", needsKey: false, texts: "texts", maxTexts: 32 },
    ...{ required: ["query", "texts"], optional: ["raw_scores", "return_text", "truncate", "truncation_direction"] },
    answer: (rows) => rows.map(({ index, score }) => ({ index, score })),
    error: (status, error) => ({ status, body: { error, error_type: status === 429 ? "Overloaded" : "Validation" } }),
  },
  vllm: {
    ...{ path: "/v1/rerank", needsKey: false, texts: "documents", maxTexts: 2_048 },
    ...{ required: ["query", "documents"], optional: ["model", "top_n", "truncate_prompt_tokens", "use_activation"] },
    answer: (rows, { model }) => ({
      ...{ id: "score-6f1c2d", model, usage },
      results: rows.map((row) => ({ ...relevance(row), document: { text: row.text, multi_modal: null } })),
    }),
    error: (status, message) => ({ status, body: { error: { message, type: "BadRequestError", param: null, code: status } } }),
  },
  infinity: {
    ...{ path: "/rerank", needsKey: false, texts: "documents", maxTexts: 2_048 },
    ...{ required: ["query", "documents"], optional: ["model", "return_documents", "raw_scores", "top_n"] },
    answer: (rows, { model }) => ({
      ...{ object: "rerank", model, usage, id: "infinity-2c6f", created: 1_760_000_000 },
      results: rows.map((row) => ({ ...relevance(row), document: null })),
    }),
    error: detail,
  },
};

export async function startRerankFake(dialect: HttpDialectName): Promise<RerankFake> {
  const requests: RerankFake["requests"] = [];
  const next: Reply[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((text) => {
      const body = JSON.parse(text) as Record<string, unknown>;
      requests.push({ path: request.url ?? "", headers: request.headers, body });
      send(response, next.shift() ?? reply(WIRES[dialect], request, body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    ...{ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, next },
    async close() {
      if (!server.listening) return;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function reply(wire: Wire, { url, method, headers }: IncomingMessage, body: Record<string, unknown>): Reply {
  if (method !== "POST" || url !== wire.path) return { status: 404, body: { detail: "Not Found" } };
  if (wire.needsKey && headers.authorization !== `Bearer ${FAKE_KEY}`) return wire.error(401, "invalid api token");
  const missing = wire.required.filter((field) => body[field] === undefined);
  if (missing.length > 0) return wire.error(422, `field required: ${missing.join(", ")}`);
  const unknown = Object.keys(body).filter((field) => ![...wire.required, ...wire.optional].includes(field));
  if (unknown.length > 0) return wire.error(400, `unknown field: ${unknown.join(", ")}`);
  if (String(body["model"]).startsWith("unknown")) return wire.error(404, `model '${String(body["model"])}' not found`);
  const texts = body[wire.texts] as readonly string[];
  if (texts.length === 0) return wire.error(400, "invalid request: list of documents must not be empty");
  const blank = texts.findIndex((text) => text.trim() === "");
  if (blank >= 0) return wire.error(400, `invalid request: document at index ${blank} cannot be empty`);
  if (texts.length > wire.maxTexts)
    return wire.error(422, `batch size ${texts.length} > maximum allowed batch size ${wire.maxTexts}`);
  // Each text by itself, as a model of pairs does: how rare a word is among the others must not count.
  const rows = texts.map((text, at) => ({ index: at, score: overlap(String(body["query"]), text), text }));
  const most = Number(body["top_n"] ?? body["top_k"] ?? 0) || texts.length;
  return { status: 200, body: wire.answer(rows.toSorted((a, b) => b.score - a.score).slice(0, most), body) };
}

function overlap(query: string, text: string): number {
  const index = new Bm25();
  index.add(text);
  const [score = 0] = index.scores(query);
  return score / (1 + score) + 0.001;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, { status, body, headers = {} }: Reply): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(typeof body === "string" || body === undefined ? body : JSON.stringify(body));
}
