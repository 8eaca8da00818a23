/**
 * Who answers, read from the model object itself: class, provider, what it was constructed with, where it is reached.
 *
 * LangChain's own parameters of identity leave out the name of the model for half of the providers, so several sources are put
 * together. A model that names itself nowhere (fakes, small classes of one's own) is told apart from every other by the object:
 * its answers are found again only through it, which is never wrong.
 */
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { digest, type Digest } from "../../core/key.ts";
import { objectId } from "../../core/object-id.ts";
import { isSecret, isVolatile, namesModel, withoutSecrets } from "./model-parameters.ts";

/** Where a model is reached, and under which name there; providers take these from the environment, too. */
const PLACES = [
  ...["model", "modelName", "modelId", "model_id", "deployment", "deploymentName", "baseURL", "baseUrl", "apiUrl", "apiBase"],
  ...["endpoint", "endpointHost", "serverURL", "host", "region", "location", "platformType", "apiVersion", "api_version"],
  ...["azureOpenAIApiDeploymentName", "azureOpenAIApiInstanceName", "azureOpenAIApiVersion", "azureOpenAIBasePath"],
  ...["azureOpenAIEndpoint"],
];

/** What does not change during a model's life, worked out once. */
const constants = new WeakMap<
  BaseChatModel,
  { readonly fields: ReadonlyMap<string, unknown>; readonly parts: readonly string[] }
>();

/** @param modelId what the user says the model is */
export function modelIdentity(model: BaseChatModel, modelId: string | undefined): Digest {
  let constant = constants.get(model);
  if (constant === undefined) {
    const fields = constantFields(model);
    constant = { fields, parts: partsOf(fields) };
    constants.set(model, constant);
  }
  const places = placesOf(model);
  const isNamed = modelId !== undefined || namesModel(new Map([...constant.fields, ...places]));
  return digest("model-object", modelId ?? "", isNamed ? "" : objectId(model), ...constant.parts, "places", ...partsOf(places));
}

/**
 * Everything that a call asks of the model besides its messages: what the provider would be sent, and the options that do not
 * show in it.
 */
export function callParameters(model: BaseChatModel, options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const sent = Object.entries((model.invocationParams(options) ?? {}) as Record<string, unknown>);
  // Not by assignment, which would make a parameter called `__proto__` the prototype.
  return { ...options, ...Object.fromEntries(sent.filter(([, value]) => value !== undefined)) };
}

function constantFields(model: BaseChatModel): Map<string, unknown> {
  const fields = new Map<string, unknown>(Object.entries(model.lc_kwargs ?? {}));
  for (const [name, value] of Object.entries(model._identifyingParams() as Record<string, unknown>)) fields.set(name, value);
  const { ls_provider, ls_model_name } = model.getLsParams({});
  fields.set("_type", model._llmType());
  fields.set("_class", (model.constructor as typeof BaseChatModel).lc_name());
  fields.set("_provider", ls_provider);
  if (ls_model_name !== undefined) fields.set("model_name", ls_model_name);
  return fields;
}

function placesOf(model: BaseChatModel): Map<string, unknown> {
  const own = model as unknown as Record<string, unknown>;
  const places = new Map<string, unknown>();
  for (const name of PLACES) if (typeof own[name] === "string" && own[name] !== "") places.set(name, own[name]);
  return places;
}

/** Names and values in order, without what is volatile or secret. */
function partsOf(fields: ReadonlyMap<string, unknown>): string[] {
  const parts: string[] = [];
  for (const [name, value] of [...fields].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (isVolatile(name, value) || isSecret(name, value)) continue;
    const plain = withoutSecrets(name, plainData(value, 0));
    if (plain !== undefined) parts.push(name, JSON.stringify(plain));
  }
  return parts;
}

const MAX_DEPTH = 32;

/** Plain data with its keys in order. Clients, agents and handlers among the parameters say nothing of who answers. */
function plainData(value: unknown, depth: number): unknown {
  if (typeof value === "function" || typeof value === "symbol" || typeof value === "bigint" || depth > MAX_DEPTH)
    return undefined;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => plainData(item, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return undefined;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, item]) => [name, plainData(item, depth + 1)]));
}
