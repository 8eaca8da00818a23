import { isJsonObject } from "../../core/plain.ts";
import { answerSentences, choose } from "./composer.ts";
import { digest, type JsonSchema } from "./protocol.ts";
import type { Question } from "./question.ts";

/**
 * A value that satisfies a JSON Schema, filled from the question: the same question and schema give the same value.
 *
 * Strings take what their property name asks for (a place, the question itself, else a sentence about the subject), numbers the
 * numbers of the question in order. `pattern` and `format`s other than those listed are not solved: the value may then not
 * satisfy the schema, as a model's may not.
 */
export function schemaValue(schema: JsonSchema, question: Question): unknown {
  const numbers = (question.text.match(/-?\d+(?:\.\d+)?/g) ?? []).map(Number);
  return valueOf(schema, "", 0, { root: schema, question, numbers });
}

interface Filling {
  readonly root: JsonSchema;
  readonly question: Question;
  /** The numbers of the question that no property has taken yet. */
  readonly numbers: number[];
}

/** Deeper than this only required properties are filled, which ends the recursion of a schema that holds itself. */
const DEEPEST_OPTIONAL = 4;
const DEEPEST = 24;

function valueOf(schema: JsonSchema, name: string, depth: number, filling: Filling): unknown {
  if (depth > DEEPEST) return null;
  if ("const" in schema) return schema["const"];
  if ("default" in schema) return schema["default"];
  const reference = schema["$ref"];
  if (typeof reference === "string") return valueOf(resolve(filling.root, reference), name, depth + 1, filling);
  const options = schema["enum"];
  if (Array.isArray(options) && options.length > 0) return options[number(seed(filling, name), options.length)];
  const variants = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(variants)) {
    const variant = variants.find((candidate: JsonSchema) => candidate["type"] !== "null") as JsonSchema | undefined;
    return variant === undefined ? null : valueOf(variant, name, depth + 1, filling);
  }
  if (Array.isArray(schema["allOf"])) {
    const parts = schema["allOf"].map((part: JsonSchema) => valueOf(part, name, depth + 1, filling));
    return parts.every(isJsonObject) ? Object.assign({}, ...parts) : parts.at(-1);
  }
  switch (typeName(schema)) {
    case "object":
      return objectOf(schema, depth, filling);
    case "array":
      return arrayOf(schema, name, depth, filling);
    case "integer":
    case "number":
      return numberOf(schema, name, filling);
    case "boolean":
      return number(seed(filling, name), 2) === 1;
    case "null":
      return null;
    default:
      return stringOf(schema, name, filling);
  }
}

function objectOf(schema: JsonSchema, depth: number, filling: Filling): Record<string, unknown> {
  const required = new Set(Array.isArray(schema["required"]) ? schema["required"] : []);
  const filled: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(isJsonObject(schema["properties"]) ? schema["properties"] : {})) {
    if (depth >= DEEPEST_OPTIONAL && !required.has(name)) continue;
    filled[name] = valueOf(isJsonObject(property) ? property : {}, name, depth + 1, filling);
  }
  return filled;
}

function arrayOf(schema: JsonSchema, name: string, depth: number, filling: Filling): unknown[] {
  const tuple = schema["prefixItems"];
  if (Array.isArray(tuple)) return tuple.map((item: JsonSchema, index) => valueOf(item, `${name}${index}`, depth + 1, filling));
  if (depth >= DEEPEST_OPTIONAL && limit(schema, "minItems", 0) === 0) return [];
  const count = Math.max(limit(schema, "minItems", 0), Math.min(2, limit(schema, "maxItems", 2)));
  const items = isJsonObject(schema["items"]) ? schema["items"] : {};
  return Array.from({ length: count }, (_, index) => valueOf(items, `${name}${index}`, depth + 1, filling));
}

function numberOf(schema: JsonSchema, name: string, filling: Filling): number {
  const whole = typeName(schema) === "integer";
  const least = limit(schema, "minimum", limit(schema, "exclusiveMinimum", -1) + (whole ? 1 : 0.01));
  const most = limit(schema, "maximum", limit(schema, "exclusiveMaximum", Math.max(least, 0) + 101) - (whole ? 1 : 0.01));
  const fits = (value: number): boolean => value >= least && value <= most && (!whole || Number.isInteger(value));
  const unbounded = schema["minimum"] === undefined && schema["maximum"] === undefined;
  const taken = filling.numbers.findIndex((value) => (unbounded ? !whole || Number.isInteger(value) : fits(value)));
  if (taken >= 0) return filling.numbers.splice(taken, 1)[0] as number;
  const share = number(seed(filling, name), 1_000) / 1_000;
  const value = least + share * (most - least);
  return whole ? Math.floor(value) : Math.round(value * 100) / 100;
}

const FORMATS: Readonly<Record<string, string>> = {
  date: "2025-01-15",
  time: "09:30:00Z",
  "date-time": "2025-01-15T09:30:00Z",
  email: "someone@example.com",
  uri: "https://example.com/",
  url: "https://example.com/",
  uuid: "00000000-0000-4000-8000-000000000000",
};

function stringOf(schema: JsonSchema, name: string, filling: Filling): string {
  const known = typeof schema["format"] === "string" ? FORMATS[schema["format"]] : undefined;
  const text = known ?? textFor(name.replace(/\d+$/, ""), name, filling);
  return text.padEnd(limit(schema, "minLength", 0), ".").slice(0, limit(schema, "maxLength", text.length + 1_000));
}

function textFor(kind: string, name: string, { question, root }: Filling): string {
  if (/city|location|place|cidade|local|lugar/i.test(kind)) return placeIn(question.text);
  if (/query|question|search|pergunta|busca|consulta|^q$|^input$/i.test(kind)) return question.text;
  if (/name|title|subject|topic|nome|título|titulo|assunto|tema/i.test(kind)) return question.subject;
  return choose(answerSentences(question), 1, `${question.fingerprint}${name}${digest(JSON.stringify(root))}`).join("");
}

/** The first name that follows "in", "for", "em", … in the text: "San Francisco" in "the weather in San Francisco today". */
function placeIn(text: string): string {
  const name = "\\p{Lu}[\\p{L}'-]*";
  const found = new RegExp(
    `(?:^|\\s)(?:in|at|for|near|em|no|na|para|de)\\s+(${name}(?:\\s+(?:d[aeo]s?\\s+)?${name})*)`,
    "u",
  ).exec(text);
  return found?.[1] ?? "Lisbon";
}

function resolve(root: JsonSchema, reference: string): JsonSchema {
  let at: unknown = root;
  for (const step of reference.replace(/^#\/?/, "").split("/").filter(Boolean)) {
    at = isJsonObject(at) ? at[step.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
  }
  return isJsonObject(at) ? at : {};
}

function typeName(schema: JsonSchema): unknown {
  const type = schema["type"];
  if (Array.isArray(type)) return type.find((candidate) => candidate !== "null") ?? "null";
  return type ?? (isJsonObject(schema["properties"]) ? "object" : "string");
}

function limit(schema: JsonSchema, keyword: string, otherwise: number): number {
  const value = schema[keyword];
  return typeof value === "number" ? value : otherwise;
}

function seed({ question, root }: Filling, name: string): string {
  return digest(JSON.stringify([question.fingerprint, root, name]));
}

function number(hexadecimal: string, below: number): number {
  return Number.parseInt(hexadecimal, 16) % below;
}
