/** Answers for the micro benchmarks: an R1 answer of 2 KB with some reasoning, as ChatDeepSeek hands it to a cache. */
import { AIMessage } from "@langchain/core/messages";
import type { ChatGeneration } from "@langchain/core/outputs";
import { prose } from "../harness.ts";

/** A model key as LangChain prints it for ChatDeepSeek, shortened. */
export const LLM_KEY = '_model:"base_chat_model",_type:"deepseek",apiKey:"sk-x",model:"deepseek-reasoner",temperature:0.6';

export function answer(index: number, bytes = 2048): ChatGeneration[] {
  const text = prose(bytes, `answer ${index}`);
  const message = new AIMessage({
    content: text,
    additional_kwargs: { reasoning_content: prose(300, `reasoning ${index}`) },
    response_metadata: { model_provider: "deepseek", model_name: "deepseek-reasoner", finish_reason: "stop" },
    id: `run-${index}`,
  });
  message.usage_metadata = { input_tokens: 500, output_tokens: 700, total_tokens: 1200 } as never;
  return [{ text, message, generationInfo: { finish_reason: "stop" } }];
}
