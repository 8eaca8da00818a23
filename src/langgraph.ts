/** `langchain-strata/langgraph`: a cache for nodes and tasks of LangGraph. Needs the package `@langchain/langgraph-checkpoint`. */
export { nodeCache, type NodeCache, type NodeCacheOptions } from "./middleware/node-cache.ts";
