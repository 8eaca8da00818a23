/** `langchain-strata/qdrant`: what needs Qdrant, by way of the optional package `@langchain/qdrant`. */
export { qdrantIndex, type QdrantIndexOptions } from "./vectors/indexes/qdrant.ts";
