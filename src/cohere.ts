/** `langchain-strata/cohere`: Cohere's rerank models through the client of the optional package `@langchain/cohere`. */
export {
  cohereClientReranker,
  type CohereClientRerankerOptions,
  type CohereRerankClient,
} from "./rerank/rerankers/cohere-client.ts";
