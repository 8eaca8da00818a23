/** Messages of every kind, with whatever a provider's class could put into them, for properties. */
import {
  AIMessage,
  AIMessageChunk,
  type BaseMessage,
  ChatMessage,
  FunctionMessage,
  HumanMessage,
  HumanMessageChunk,
  SystemMessage,
  SystemMessageChunk,
  ToolMessage,
} from "@langchain/core/messages";
import { Document } from "@langchain/core/documents";
import * as fc from "fast-check";

/** Any UTF-16, lone halves of surrogate pairs and NUL included. */
const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom("\ud800", "a\udc00b", "\0", "\u2028", "__proto__", '"', "\\u0000", "<think>a</think>b"),
);
const key = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom("lc", "id", "type", "constructor", "toJSON", "", "\ud800", "v"),
);

/** Plain JSON, with `lc` objects such as LangChain's own loader would build classes from. */
const json = fc.letrec<{ value: unknown; object: Record<string, unknown> }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (Object.is(number, -0) ? 0 : number)),
    fc.constantFrom(true, false, null),
    fc.constant({ lc: 1, type: "constructor", id: ["langchain_core", "messages", "HumanMessage"], kwargs: { content: "x" } }),
    fc.constant({ lc: 2, type: "secret", id: ["OPENAI_API_KEY"] }),
    fc.array(tie("value"), { maxLength: 3 }),
    tie("object"),
  ),
  object: fc
    .dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true })
    .filter((made) => !Object.hasOwn(made, "__proto__")),
}));

const block = fc.oneof(
  text.map((made) => ({ type: "text", text: made })),
  text.map((made) => ({ type: "reasoning", reasoning: made })),
  fc.constant({ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }),
  fc.constant({ type: "image", source_type: "base64", mime_type: "image/png", data: "AAAA" }),
  json.object.map((made) => ({ ...made, type: "custom" })),
);
const toolCall = fc.record({ name: text, args: json.object, id: text, type: fc.constant("tool_call") });
const common = fc.record(
  {
    content: fc.oneof(text, fc.array(block, { maxLength: 3 })),
    additional_kwargs: fc.oneof(
      json.object,
      text.map((reasoning_content) => ({ reasoning_content })),
    ),
    response_metadata: fc.oneof(json.object, fc.constantFrom({ output_version: "v1" }, { model_provider: "deepseek" })),
    name: text,
  },
  { requiredKeys: ["content"] },
);
const ofModel = fc.record({
  tool_calls: fc.array(toolCall, { maxLength: 2 }),
  invalid_tool_calls: fc.array(
    fc.record({ name: text, args: text, id: text, error: text, type: fc.constant("invalid_tool_call") }),
    { maxLength: 2 },
  ),
  usage_metadata: fc.option(
    fc.record({
      input_tokens: fc.nat(),
      output_tokens: fc.nat(),
      total_tokens: fc.nat(),
      output_token_details: fc.record({ reasoning: fc.nat() }),
    }),
    { nil: undefined },
  ),
});
const ofTool = fc.record(
  {
    tool_call_id: text,
    status: fc.constantFrom("success", "error"),
    artifact: fc.oneof(
      json.value,
      fc.array(
        fc.oneof(
          json.value,
          fc.tuple(text, json.object).map(([pageContent, metadata]) => new Document({ pageContent, metadata })),
        ),
        { maxLength: 3 },
      ),
    ),
    metadata: json.object,
  },
  { requiredKeys: ["tool_call_id"] },
);

type Make = (fields: never) => BaseMessage;
const plain: readonly Make[] = [
  (fields) => new HumanMessage(fields),
  (fields) => new SystemMessage(fields),
  (fields) => new HumanMessageChunk(fields),
  (fields) => new SystemMessageChunk(fields),
];

export const anyMessage: fc.Arbitrary<BaseMessage> = fc.oneof(
  fc.tuple(fc.constantFrom(...plain), common).map(([make, fields]) => make(fields as never)),
  fc.tuple(common, ofModel, fc.boolean()).map(([fields, model, isChunk]) => {
    const message = isChunk ? new AIMessageChunk({ content: "" }) : new AIMessage({ content: "" });
    // As providers' classes do it: after the message was made.
    return Object.assign(message, structuredClone({ additional_kwargs: {}, response_metadata: {}, ...fields, ...model }));
  }),
  fc
    .array(block, { minLength: 1, maxLength: 3 })
    .map((contentBlocks) => new AIMessage({ contentBlocks } as unknown as ConstructorParameters<typeof AIMessage>[0])),
  fc.tuple(common, ofTool).map(([fields, tool]) => new ToolMessage({ ...fields, ...tool })),
  fc.tuple(common, text).map(([fields, role]) => new ChatMessage({ ...fields, role })),
  fc.tuple(common, text).map(([fields, name]) => new FunctionMessage({ ...fields, name })),
);

/** All that is read from a message but its id. */
export function contentsOf(message: BaseMessage): Record<string, unknown> {
  const given = message as unknown as Record<string, unknown>;
  const fields = [
    ...["type", "content", "name", "additional_kwargs", "response_metadata", "tool_calls", "invalid_tool_calls"],
    ...["usage_metadata", "tool_call_id", "status", "artifact", "metadata", "role"],
  ];
  return Object.fromEntries(fields.map((field) => [field, given[field]]));
}
