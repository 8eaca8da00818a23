import type { InMemoryCache } from "@langchain/core/caches";
import { AIMessage, HumanMessage, mapStoredMessageToChatMessage } from "@langchain/core/messages";
import { MemorySaver, MessagesAnnotation, StateGraph } from "@langchain/langgraph";
import { expect } from "vitest";
import type { TieredCache } from "../../../src/index.ts";
import { deepSeek, hitOf, plainCache, section, tieredCache, totalTokens } from "./bed.ts";

section("What a hit is", (note) => {
  note("A hit is the object of the first caller", async () => {
    const shared = deepSeek({ cache: plainCache() });
    const first = await shared.invoke("What is risk?");
    first.content = "TAMPERED";
    expect((await shared.invoke("What is risk?")).content).toBe("TAMPERED");

    const isolated = deepSeek({ cache: tieredCache() });
    const asked = await isolated.invoke("What is risk?");
    const { content } = asked;
    asked.content = "TAMPERED";
    const hit = await isolated.invoke("What is risk?");
    expect(hit.content).toBe(content);
    hit.content = "TAMPERED";
    expect((await isolated.invoke("What is risk?")).content).toBe(content);
  });

  note("A hit wipes the first caller's token counts", async () => {
    const shared = deepSeek({ cache: plainCache() });
    const first = await shared.invoke("What is risk?");
    const tokens = totalTokens(first);
    expect(tokens).toBeGreaterThan(0);
    const again = await shared.invoke("What is risk?");
    expect(totalTokens(first)).toBe(0);
    expect(again.response_metadata).toMatchObject({ tokenUsage: { totalTokens: tokens } });

    const isolated = deepSeek({ cache: tieredCache() });
    const asked = await isolated.invoke("What is risk?");
    const hit = await isolated.invoke("What is risk?");
    expect(totalTokens(asked)).toBe(tokens);
    expect(totalTokens(hit)).toBe(0);
    expect(hit.response_metadata).toMatchObject({ tokenUsage: { totalTokens: 0 } });
    expect(hitOf(hit)?.savedUsage.total_tokens).toBe(tokens);
  });

  note("A hit has the message id of the first answer", async () => {
    const turns = async (cache: InMemoryCache | TieredCache): Promise<string[]> => {
      // The same two messages, so that the second turn is a hit; a thread that keeps messages by id.
      const model = deepSeek({ cache });
      const answer = async (): Promise<{ messages: AIMessage[] }> => ({ messages: [await model.invoke("What is risk?")] });
      const graph = new StateGraph(MessagesAnnotation)
        .addNode("answer", answer)
        .addEdge("__start__", "answer")
        .addEdge("answer", "__end__")
        .compile({ checkpointer: new MemorySaver() });
      const config = { configurable: { thread_id: "1" } };
      await graph.invoke({ messages: [new HumanMessage("What is risk?")] }, config);
      const { messages } = await graph.invoke({ messages: [new HumanMessage("What is risk?")] }, config);
      return messages.map((message) => message.type);
    };
    expect(await turns(plainCache())).toEqual(["human", "ai", "human"]);
    expect(await turns(tieredCache())).toEqual(["human", "ai", "human", "ai"]);
  });

  note("The stored form of a message is not the message", async () => {
    const message = new AIMessage({ contentBlocks: [{ type: "text", text: "Risk is…" }] });
    expect(message.content).not.toEqual([]);
    expect(mapStoredMessageToChatMessage(message.toDict()).content).toEqual([]);

    const cache = tieredCache();
    const key = 'model:"m"';
    await cache.update("q", key, [{ text: "Risk is…", message, generationInfo: { finish_reason: "stop" } } as never]);
    const [hit] = (await cache.lookup("q", key)) as unknown as [{ message: AIMessage; generationInfo: object }];
    expect(hit.message.content).toEqual(message.content);
    expect(hit.generationInfo).toEqual({ finish_reason: "stop" });
  });
});
