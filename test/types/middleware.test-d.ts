import type { BaseMessage } from "@langchain/core/messages";
import type { ChatDeepSeek } from "@langchain/deepseek";
import { createAgent, type ReactAgent } from "langchain";
import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { cacheModel, type TieredCache } from "../../src/index.ts";
import { responseCacheMiddleware, toolCacheMiddleware } from "../../src/middleware.ts";

declare const cache: TieredCache;
declare const model: ChatDeepSeek;

describe("a cached model", () => {
  it("has the type of the model", () => {
    expectTypeOf(cacheModel(model, { cache })).toEqualTypeOf<ChatDeepSeek>();
  });
});

describe("middleware", () => {
  it("goes into an agent without changing what it gives", async () => {
    const responseFormat = z.object({ topic: z.string() });
    const middleware = [responseCacheMiddleware({ cache }), toolCacheMiddleware({ cache, tools: ["search"] })] as const;
    const agent = createAgent({ model, responseFormat, middleware });
    expectTypeOf(agent).toExtend<ReactAgent>();
    const state = await agent.invoke({ messages: [] });
    expectTypeOf(state.structuredResponse).toEqualTypeOf<{ topic: string }>();
    expectTypeOf(state.messages).toExtend<BaseMessage[]>();
    createAgent({ model, middleware: [responseCacheMiddleware({ cache })] });
  });
});
