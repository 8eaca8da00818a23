import { words, type Wire, type WireReply } from "./wire.ts";

const USAGE = { prompt_tokens: 12, completion_tokens: 34, total_tokens: 46 };

/** The Chat Completions format of OpenAI, as others speak it. */
export function openAIWire(path: RegExp, callId: string, reasoningKey?: string): Wire {
  return {
    path,
    contentType: "text/event-stream; charset=utf-8",
    streams: (body) => body["stream"] === true,
    model: (body) => String(body["model"]),
    whole: (reply, model) => {
      const { text = "", thinking } = reply;
      const message = { role: "assistant", content: text, ...said(reasoningKey, thinking), ...toolCalls(reply, callId) };
      const choices = [{ index: 0, message, finish_reason: finishReason(reply), logprobs: null }];
      return { id: "cmpl-1", object: "chat.completion", created: 1_790_000_000, model, choices, usage: USAGE };
    },
    pieces: (reply, model) => {
      const chunk = (delta: object, finish_reason: string | null = null, more: object = {}): string => {
        const choices = [{ index: 0, delta, finish_reason, logprobs: null }];
        return `data: ${JSON.stringify({ id: "cmpl-1", object: "chat.completion.chunk", created: 1_790_000_000, model, choices, ...more })}\n\n`;
      };
      const { text = "", thinking = "", tool } = reply;
      return [
        chunk({ role: "assistant", content: "" }),
        ...(reasoningKey === undefined ? [] : words(thinking).map((piece) => chunk(said(reasoningKey, piece)))),
        ...words(text).map((content) => chunk({ content })),
        ...(tool === undefined ? [] : [chunk(toolCalls(reply, callId))]),
        chunk({ content: "" }, finishReason(reply), { usage: USAGE }),
        "data: [DONE]\n\n",
      ];
    },
  };
}

function said(key: string | undefined, thinking: string | undefined): object {
  return key === undefined || thinking === undefined ? {} : { [key]: thinking };
}

function toolCalls({ tool }: WireReply, id: string): object {
  if (tool === undefined) return {};
  return {
    tool_calls: [{ index: 0, id, type: "function", function: { name: tool.name, arguments: JSON.stringify(tool.args) } }],
  };
}

function finishReason({ tool, truncated }: WireReply): string {
  return truncated ? "length" : tool === undefined ? "stop" : "tool_calls";
}
