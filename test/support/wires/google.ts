import { words, type Wire, type WireReply } from "./wire.ts";

/** The Gemini API: https://ai.google.dev/api/generate-content. */
export const GOOGLE: Wire = {
  path: /^\/v1beta\/models\/[^/:]+:(?:generateContent|streamGenerateContent)/,
  contentType: "text/event-stream",
  streams: (_body, path) => path.includes(":streamGenerateContent"),
  model: (_body, path) => /models\/([^/:]+)/.exec(path)?.[1] ?? "",
  whole: (reply, model) => response(partsOf(reply), model, finishReason(reply)),
  pieces: (reply, model) => {
    const parts = partsOf(reply).flatMap((part) => {
      return typeof part["text"] === "string" ? words(part["text"]).map((text) => ({ ...part, text })) : [part];
    });
    return parts.map((part, at) => {
      const isLast = at === parts.length - 1;
      return `data: ${JSON.stringify(response([part], model, isLast ? finishReason(reply) : undefined))}\r\n\r\n`;
    });
  },
};

type Part = Readonly<Record<string, unknown>>;

function partsOf({ thinking, text, tool }: WireReply): Part[] {
  const parts: Part[] = [];
  if (thinking !== undefined) parts.push({ text: thinking, thought: true });
  if (text !== undefined) parts.push({ text });
  if (tool !== undefined) parts.push({ functionCall: { name: tool.name, args: tool.args } });
  return parts;
}

function response(parts: readonly Part[], model: string, finishReason: string | undefined): object {
  return {
    candidates: [{ content: { parts, role: "model" }, ...(finishReason && { finishReason }), index: 0 }],
    usageMetadata: { promptTokenCount: 12, candidatesTokenCount: 34, totalTokenCount: 46 },
    modelVersion: model,
  };
}

function finishReason({ truncated }: WireReply): string {
  return truncated ? "MAX_TOKENS" : "STOP";
}
