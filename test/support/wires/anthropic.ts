import { words, type Wire, type WireReply } from "./wire.ts";

const USAGE = { input_tokens: 12, output_tokens: 34, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };

/** Anthropic's Messages API: https://docs.anthropic.com/en/api/messages and …/messages-streaming. */
export const ANTHROPIC: Wire = {
  path: /^\/v1\/messages$/,
  contentType: "text/event-stream; charset=utf-8",
  streams: (body) => body["stream"] === true,
  model: (body) => String(body["model"]),
  whole: (reply, model) => ({ ...message(model), content: blocksOf(reply), stop_reason: stopReason(reply), usage: USAGE }),
  pieces: (reply, model) => {
    const start = { ...message(model), content: [], stop_reason: null, usage: { ...USAGE, output_tokens: 1 } };
    const blocks = blocksOf(reply).flatMap((block, index) => [
      event("content_block_start", { index, content_block: emptied(block) }),
      ...deltasOf(block).map((delta) => event("content_block_delta", { index, delta })),
      event("content_block_stop", { index }),
    ]);
    return [
      event("message_start", { message: start }),
      event("ping", {}),
      ...blocks,
      event("message_delta", {
        delta: { stop_reason: stopReason(reply), stop_sequence: null },
        usage: { output_tokens: USAGE.output_tokens },
      }),
      event("message_stop", {}),
    ];
  },
};

type Block = Readonly<Record<string, unknown>> & { readonly type: string };

function message(model: string): object {
  return { id: "msg_01XFDUDYJgAACzvnptvVoYEL", type: "message", role: "assistant", model, stop_sequence: null };
}

function blocksOf({ thinking, text, tool }: WireReply): Block[] {
  const blocks: Block[] = [];
  if (thinking !== undefined) blocks.push({ type: "thinking", thinking, signature: "EqQBCgIYAhIM1gbcDa9GJwZA2b3h" });
  if (text !== undefined) blocks.push({ type: "text", text });
  if (tool !== undefined)
    blocks.push({ type: "tool_use", id: "toolu_01T1x1fJ34qAmk2tNTrN7Up6", name: tool.name, input: tool.args });
  return blocks;
}

function emptied(block: Block): Block {
  if (block.type === "thinking") return { type: "thinking", thinking: "", signature: "" };
  return block.type === "text" ? { type: "text", text: "" } : { ...block, input: {} };
}

function deltasOf(block: Block): object[] {
  if (block.type === "text") return words(String(block["text"])).map((text) => ({ type: "text_delta", text }));
  if (block.type === "tool_use") {
    const json = JSON.stringify(block["input"]);
    return ["", json.slice(0, 4), json.slice(4)].map((partial_json) => ({ type: "input_json_delta", partial_json }));
  }
  const thoughts = words(String(block["thinking"])).map((thinking) => ({ type: "thinking_delta", thinking }));
  return [...thoughts, { type: "signature_delta", signature: block["signature"] }];
}

function stopReason({ tool, truncated }: WireReply): string {
  return truncated ? "max_tokens" : tool === undefined ? "end_turn" : "tool_use";
}

function event(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}
