import { StrataConfigError } from "../../core/errors.ts";
import { parseChoice, parseNumber } from "../../core/options.ts";
import { at, checkUrl, openSection, readCount, readDuration, readText, switched } from "./section.ts";

const OWN_SERVERS = ["tei", "vllm", "infinity"] as const;
const HOSTED = ["cohere", "jina", "voyage", "mixedbread"] as const;

/** @throws {@link StrataConfigError} naming the key */
export function checkRerank(value: unknown): void {
  const rerank = switched("rerank", value, ["reranker", "candidates", "threshold", "minKept", "policy", "deadline"]);
  if (rerank === undefined) return;
  const { reranker = "lexical" } = rerank;
  if (Array.isArray(reranker)) {
    if (reranker.length === 0) throw new StrataConfigError("rerank.reranker", reranker, "at least one reranker");
    for (const [index, one] of reranker.entries()) checkReranker(`rerank.reranker[${index}]`, one);
  } else checkReranker("rerank.reranker", reranker);
  readCount("rerank", rerank, "candidates");
  readCount("rerank", rerank, "minKept", 0);
  if (rerank["threshold"] !== undefined) parseNumber("rerank.threshold", rerank["threshold"], -Infinity, Infinity);
  readDuration("rerank", rerank, "deadline");
  if (typeof rerank["policy"] === "string") parseChoice("rerank.policy", rerank["policy"], ["always", "adaptive"]);
}

function checkReranker(path: string, value: unknown): void {
  if (typeof value === "string") return void parseChoice(path, value, ["lexical", "late-interaction"]);
  if (typeof (value as { readonly rerank?: unknown } | null)?.rerank === "function") return;
  const described = openSection(path, value, ["provider", "model", "apiKey", "baseURL"]);
  const provider = parseChoice(at(path, "provider"), described["provider"], [...HOSTED, ...OWN_SERVERS]);
  readText(path, described, "model");
  const baseURL = readText(path, described, "baseURL");
  if (baseURL === undefined && OWN_SERVERS.some((own) => own === provider)) {
    throw new StrataConfigError(at(path, "baseURL"), undefined, "where the server is, such as http://127.0.0.1:8080");
  }
  checkUrl(at(path, "baseURL"), baseURL);
  if (readText(path, described, "apiKey") === undefined && HOSTED.some((hosted) => hosted === provider)) {
    throw new StrataConfigError(at(path, "apiKey"), undefined, "the key of the provider");
  }
}
