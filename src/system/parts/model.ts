import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { StrataConfigError, StrataError } from "../../core/errors.ts";
import { parseDuration } from "../../core/options.ts";
import type { ModelDescription } from "../config/strata-config.ts";

/** A model that is made once, at its first use; that of a description needs the package of its provider then. */
export function lazyModel(model: BaseChatModel | ModelDescription | undefined): () => Promise<BaseChatModel> {
  let making: Promise<BaseChatModel> | undefined;
  return () => {
    making ??= make(model).catch((error: unknown) => {
      // What was missing may be there the next time.
      making = undefined;
      throw error;
    });
    return making;
  };
}

async function make(model: BaseChatModel | ModelDescription | undefined): Promise<BaseChatModel> {
  if (model === undefined) {
    throw new StrataConfigError("model", undefined, 'a chat model, or { provider: "deepseek", model: "deepseek-reasoner" }');
  }
  if (!("provider" in model)) return model;
  const { provider, model: name, baseURL, apiKey, temperature, maxTokens, maxRetries, timeout } = model;
  const fields = {
    model: name,
    ...(apiKey !== undefined && { apiKey }),
    ...(temperature !== undefined && { temperature }),
    ...(maxTokens !== undefined && { maxTokens }),
    ...(maxRetries !== undefined && { maxRetries }),
    ...(timeout !== undefined && { timeout: parseDuration("model.timeout", timeout) }),
    ...(baseURL !== undefined && { configuration: { baseURL } }),
  };
  const constructor = await load(provider);
  try {
    return new constructor(fields);
  } catch (error) {
    // LangChain's classes refuse to be made without a key, and name the variable that they looked for.
    if (apiKey === undefined) throw new StrataConfigError("model.apiKey", undefined, `a key (${firstLine(error)})`);
    throw error;
  }
}

type Constructor = new (fields: Record<string, unknown> & { model: string }) => BaseChatModel;

async function load(provider: ModelDescription["provider"]): Promise<Constructor> {
  try {
    if (provider === "deepseek") return (await import("@langchain/deepseek")).ChatDeepSeek;
    return (await import("@langchain/openai")).ChatOpenAICompletions;
  } catch (cause) {
    const message = `The package is needed that speaks with this model: npm install @langchain/${provider}`;
    throw new StrataError("MISSING_PEER", message, { cause });
  }
}

function firstLine(error: unknown): string {
  return error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : "";
}
