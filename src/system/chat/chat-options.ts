/** What one call of `chat()` or `stream()` may ask for. */
import type { RunnableConfig } from "@langchain/core/runnables";
import type { CallOptions } from "../../core/abort.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { parseCount, parseDuration, type Duration } from "../../core/options.ts";
import { scopeDigest, type Scope } from "../../core/scope.ts";
import { isScopedOwner, scopedOwner } from "../../history/scoped-owner.ts";
import type { TemplateName } from "./chat-template.ts";
import { openSection } from "../config/section.ts";

export interface ChatOptions extends CallOptions {
  /** `false`: neither looked up nor stored; `"refresh"`: asked anew, and stored. Default `true`. */
  readonly useCache?: boolean | "refresh" | undefined;
  /** Whether documents that were added are looked for and given to the model; default `false`. */
  readonly useContext?: boolean | { readonly k?: number | undefined; readonly tokenBudget?: number | undefined } | undefined;
  /** Whose call it is. Answers are kept apart by it, and their conversations are theirs alone. */
  readonly ownerId?: string | undefined;
  /** Which conversation: its messages go with the question, and question and answer are added to it. Needs `ownerId`. */
  readonly sessionId?: string | undefined;
  /** Whether what the owner said before is recalled; default `true` where there is an `ownerId`, else `false`. */
  readonly useMemory?: boolean | undefined;
  /** A template of `strata.prompts` in place of the bare question, which is its variable `question`. */
  readonly template?: TemplateName | undefined;
  /** For the template. */
  readonly variables?: Readonly<Record<string, string | number>> | undefined;
  /** In place of the config's; not with a template, which has its own. */
  readonly system?: string | undefined;
  /**
   * Besides the owner, whose answers, documents and conversations these are: one `ownerId` in two tenants is two people. Their conversations
   * are kept under {@link scopedOwner}`(ownerId, scope)`.
   */
  readonly scope?: Omit<Scope, "user"> | undefined;
  /** To remove the answer by: `strata.cache.invalidate("handbook/*")`. */
  readonly tags?: readonly string[] | undefined;
  /** How long the answer lives; default: the config's. */
  readonly ttl?: Duration | undefined;
  /** Of the whole call; default: the config's. */
  readonly deadline?: Duration | undefined;
  /** Handed to the model's call: callbacks, metadata, tags, run name. */
  readonly config?: Omit<RunnableConfig, "configurable" | "signal" | "timeout"> | undefined;
}

const KNOWN = [
  ...["useCache", "useContext", "ownerId", "sessionId", "useMemory", "system", "scope", "tags", "ttl", "deadline", "config"],
  ...["signal", "template", "variables"],
];

/** What was asked for, checked. */
export interface ChatRequest {
  readonly question: string;
  readonly options: ChatOptions;
  readonly ownerId: string | undefined;
  /** Under which name the owner's conversations are kept; `undefined` where none are asked for. */
  readonly keptAs: string | undefined;
  readonly usesMemory: boolean;
  readonly context: { readonly k: number | undefined; readonly tokenBudget: number | undefined } | undefined;
  readonly deadlineMs: number | undefined;
}

/** @throws {@link StrataConfigError} naming the option; a session without an owner is refused, for it would be everybody's */
export function readChatRequest(question: string, options: ChatOptions, deadline: Duration | undefined): ChatRequest {
  if (typeof question !== "string" || question.trim() === "")
    throw new StrataConfigError("question", question, "a text that is not empty");
  openSection("chat", options, KNOWN);
  const { ownerId, sessionId, useMemory, useCache, useContext, scope } = options;
  if (ownerId !== undefined && (typeof ownerId !== "string" || ownerId === "")) {
    throw new StrataConfigError("chat.ownerId", ownerId, "a text that is not empty");
  }
  // Else an owner who may choose a name could choose one that is another tenant's.
  if (ownerId !== undefined && isScopedOwner(ownerId)) {
    throw new StrataConfigError("chat.ownerId", ownerId, "the owner's own name, beside the `scope`");
  }
  for (const [name, value] of [
    ["sessionId", sessionId],
    ["useMemory", useMemory],
  ] as const) {
    if (value !== undefined && value !== false && ownerId === undefined) {
      throw new StrataConfigError("chat.ownerId", ownerId, `whose conversations these are, beside \`${name}\``);
    }
  }
  if (useCache !== undefined && useCache !== "refresh" && typeof useCache !== "boolean") {
    throw new StrataConfigError("chat.useCache", useCache, 'true, false or "refresh"');
  }
  if (options.variables !== undefined && options.template === undefined) {
    throw new StrataConfigError("chat.variables", options.variables, "nothing, unless there is a `template`");
  }
  if (options.system !== undefined && options.template !== undefined) {
    throw new StrataConfigError("chat.system", "…", "nothing beside a `template`, which has its own");
  }
  if (scope !== undefined) {
    if ("user" in scope) throw new StrataConfigError("chat.scope.user", undefined, "`ownerId`, which is the user");
    scopeDigest(scope);
  }
  const limit = options.deadline ?? deadline;
  const usesMemory = useMemory ?? ownerId !== undefined;
  const talks = ownerId !== undefined && (usesMemory || sessionId !== undefined);
  return {
    ...{ question, options, ownerId, usesMemory },
    keptAs: talks ? scopedOwner(ownerId, scope) : undefined,
    context: readContext(useContext),
    deadlineMs: limit === undefined ? undefined : parseDuration("chat.deadline", limit),
  };
}

function readContext(given: ChatOptions["useContext"]): ChatRequest["context"] {
  if (given === undefined || given === false) return undefined;
  if (given === true) return { k: undefined, tokenBudget: undefined };
  const { k, tokenBudget } = openSection("chat.useContext", given, ["k", "tokenBudget"]);
  return {
    k: k === undefined ? undefined : parseCount("chat.useContext.k", k),
    tokenBudget: tokenBudget === undefined ? undefined : parseCount("chat.useContext.tokenBudget", tokenBudget),
  };
}
