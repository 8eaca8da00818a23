import type { AgentMiddleware } from "langchain";
import type { ClientTool, ServerTool } from "@langchain/core/tools";

/** Middleware that adds nothing to an agent: no state, context, tools or streams; so the agent's types stay as they are. */
export type PlainMiddleware = AgentMiddleware<undefined, undefined, unknown, readonly (ClientTool | ServerTool)[], readonly []>;
