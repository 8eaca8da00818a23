/**
 * langchain-strata/middleware: caching and memory for agents made with `createAgent` of langchain v1. Needs the package `langchain`.
 */
export { responseCacheMiddleware, type ResponseCacheOptions } from "./middleware/response-cache.ts";
export { toolCacheMiddleware, type ToolCacheOptions, type ToolCacheRule } from "./middleware/tool-cache.ts";
export { memoryMiddleware, type MemoryMiddlewareOptions, type RunScope } from "./middleware/memory.ts";
export type { PlainMiddleware } from "./middleware/plain-middleware.ts";
