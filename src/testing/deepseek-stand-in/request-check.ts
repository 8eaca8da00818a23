import { ApiError, shapeError } from "./api-error.ts";
import { LARGEST_MAX_TOKENS, type StandInModel } from "./models.ts";
import { textOf, type ChatMessage, type ChatRequest } from "./protocol.ts";

/**
 * What the API refuses, in its own words, so that a client that passes here passes there. The messages are reports from the live
 * API; a few of its rules that no LangChain client can break (ranges of penalties, `logprobs`, prefix completion) are left out.
 */
export interface RequestRules {
  readonly models: readonly StandInModel[];
  readonly strictThinking: boolean;
}

const ROLES: ReadonlySet<unknown> = new Set(["system", "user", "assistant", "tool"]);

/** @throws {@link ApiError} with the status and message of the API */
export function parseRequest(json: string, rules: RequestRules): { request: ChatRequest; model: StandInModel; thinks: boolean } {
  const body = parseObject(json);
  if (typeof body["model"] !== "string") throw shapeError(422, "missing field `model`");
  if (!Array.isArray(body["messages"])) throw shapeError(422, "missing field `messages`");
  body["messages"].forEach(checkMessageShape);
  const request = body as ChatRequest;

  const model = rules.models.find((known) => known.id === request.model);
  if (model === undefined) throw new ApiError(400, "Model Not Exist");
  if (request.messages.length === 0) throw new ApiError(400, "Empty input messages");
  if (model.images !== true) request.messages.forEach(refuseImages);
  checkParameters(request);
  checkTools(request);
  checkToolPairs(request.messages);
  const thinks = thinksAbout(request, model);
  if (thinks && rules.strictThinking) checkThinkingMode(request);
  return { request, model, thinks };
}

function parseObject(json: string): Record<string, unknown> {
  let body: unknown;
  try {
    body = JSON.parse(json);
  } catch (error) {
    throw new ApiError(400, `Failed to parse the request body as JSON: ${(error as Error).message}`);
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw shapeError(422, "invalid type, expected struct ChatCompletionRequest");
  }
  return body as Record<string, unknown>;
}

function checkMessageShape(message: unknown, index: number): void {
  const at = `messages[${index}]`;
  if (typeof message !== "object" || message === null) throw shapeError(400, `${at}: expected a message`);
  const { role, content, tool_call_id: callId } = message as Record<string, unknown>;
  if (!ROLES.has(role)) {
    throw shapeError(
      400,
      `${at}.role: unknown variant \`${String(role)}\`, expected one of \`system\`, \`user\`, \`assistant\`, \`tool\``,
    );
  }
  if (content === undefined && role !== "assistant") throw shapeError(400, `${at}: missing field \`content\``);
  const isText = content === undefined || content === null || typeof content === "string";
  if (!isText && !(Array.isArray(content) && content.every((part) => typeof (part as ContentShape | null)?.type === "string"))) {
    throw shapeError(400, `${at}: data did not match any variant of untagged enum ChatCompletionRequestContent`);
  }
  if (role === "tool" && typeof callId !== "string") throw shapeError(400, `${at}: missing field \`tool_call_id\``);
}

interface ContentShape {
  readonly type?: unknown;
}

function refuseImages(message: ChatMessage, index: number): void {
  if (typeof message.content === "string" || !Array.isArray(message.content)) return;
  const other = message.content.find((part: ContentShape) => part.type !== "text") as ContentShape | undefined;
  if (other !== undefined)
    throw shapeError(400, `messages[${index}]: unknown variant \`${String(other.type)}\`, expected \`text\``);
}

function checkParameters(request: ChatRequest): void {
  const { n, temperature, max_tokens: maxTokens, response_format: format, thinking, messages } = request;
  if (typeof n === "number" && n !== 1) throw new ApiError(400, "Invalid n value (currently only n = 1 is supported)");
  if (typeof temperature === "number" && !(temperature >= 0 && temperature <= 2)) {
    throw new ApiError(400, "Invalid temperature value, the valid range of temperature is [0, 2]");
  }
  if (typeof maxTokens === "number" && !(maxTokens >= 1 && maxTokens <= LARGEST_MAX_TOKENS)) {
    throw new ApiError(400, `Invalid max_tokens value, the valid range of max_tokens is [1, ${LARGEST_MAX_TOKENS}]`);
  }
  if (thinking !== undefined && thinking !== null && typeof thinking !== "object") {
    throw shapeError(422, "thinking: invalid type, expected struct ThinkingOptions");
  }
  if (format === undefined || format === null || format.type === "text") return;
  if (format.type !== "json_object") throw new ApiError(400, "This response_format type is unavailable now");
  if (!messages.some((message) => /json/i.test(textOf(message)))) {
    throw new ApiError(400, "Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'.");
  }
}

function checkTools(request: ChatRequest): void {
  const tools = request.tools ?? [];
  tools.forEach((tool, index) => {
    const type = (tool as { type?: unknown }).type;
    if (type !== "function") throw shapeError(400, `tools[${index}]: unknown variant \`${String(type)}\`, expected \`function\``);
    if (typeof tool.function?.name !== "string") throw shapeError(400, `tools[${index}].function: missing field \`name\``);
  });
  const choice = request.tool_choice;
  if (typeof choice !== "object" || choice === null) return;
  if (!tools.some((tool) => tool.function.name === choice.function?.name)) {
    throw new ApiError(400, `Tool ${choice.function?.name} in tool_choice is not in tools`);
  }
}

/** Every call is answered right behind its message, and every answer has its call. */
function checkToolPairs(messages: readonly ChatMessage[]): void {
  let open = new Set<string>();
  for (const message of messages) {
    if (message.role === "tool") {
      if (!open.delete(message.tool_call_id ?? "")) {
        throw new ApiError(400, "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'");
      }
      continue;
    }
    refuseOpenCalls(open);
    open = new Set((message.tool_calls ?? []).map((call) => call.id));
  }
  refuseOpenCalls(open);
}

function refuseOpenCalls(open: ReadonlySet<string>): void {
  if (open.size === 0) return;
  throw new ApiError(
    400,
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
      "(insufficient tool messages following tool_calls message)",
  );
}

function thinksAbout(request: ChatRequest, model: StandInModel): boolean {
  if (request.thinking?.type === "disabled" || request.reasoning_effort === "none") return false;
  return request.thinking?.type === "enabled" || model.thinks;
}

/** https://api-docs.deepseek.com/guides/thinking_mode */
function checkThinkingMode(request: ChatRequest): void {
  const choice = request.tool_choice ?? "auto";
  if (choice !== "auto" && choice !== "none") throw new ApiError(400, "Thinking mode does not support this tool_choice");
  for (const message of request.messages) {
    if (message.role !== "assistant" || (message.tool_calls ?? []).length === 0) continue;
    if (typeof message.reasoning_content !== "string") {
      throw new ApiError(400, "The `reasoning_content` in the thinking mode must be passed back to the API.");
    }
  }
}
