import { words, type Wire } from "./wire.ts";

/** Ollama's chat API: https://github.com/ollama/ollama/blob/main/docs/api.md, one JSON object a line. LangChain always streams. */
export const OLLAMA: Wire = {
  path: /^\/api\/chat$/,
  contentType: "application/x-ndjson",
  streams: (body) => body["stream"] !== false,
  model: (body) => String(body["model"]),
  whole: () => {
    throw new Error("LangChain streams from Ollama, also for an invoke.");
  },
  pieces: ({ thinking = "", text = "", tool, truncated }, model) => {
    const line = (message: object, more: object = { done: false }): string =>
      `${JSON.stringify({ model, created_at: "2026-11-21T10:00:00Z", message: { role: "assistant", content: "", ...message }, ...more })}\n`;
    const call = tool && line({ tool_calls: [{ function: { name: tool.name, arguments: tool.args } }] });
    const end = {
      done_reason: truncated ? "length" : "stop",
      done: true,
      total_duration: 5,
      prompt_eval_count: 12,
      eval_count: 34,
    };
    return [
      ...words(thinking).map((piece) => line({ thinking: piece })),
      ...words(text).map((content) => line({ content })),
      ...(call === undefined ? [] : [call]),
      line({}, end),
    ];
  },
};
