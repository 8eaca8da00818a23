/**
 * What the nodes and tasks of a graph write, as plain data and back.
 *
 * LangGraph's own serializer (`JsonPlusSerializer`) hands every stored object that looks like `{ lc: 1, type: "constructor", id }` to
 * `load()`, which builds classes by the names found in the data (CVE-2025-68665), also where the object was a user's. Here a stored
 * value is built from a closed list of kinds, and `lc` is a key like any other. Kinds are told by the one key `$`; a user's object
 * that has this key is wrapped. What is on no list is refused when it is written, naming the place.
 */
import { Document } from "@langchain/core/documents";
import { BaseMessage, RemoveMessage } from "@langchain/core/messages";
import { className, StrataError } from "../core/errors.ts";
import type { Json } from "../core/plain.ts";
import { decodeMessage, encodeMessage } from "../history/message-codec.ts";

const KIND = "$";
/** As `toPlain` has it: recursion must not overflow the stack, here and in the reader. */
const MAX_DEPTH = 128;

type Stored = { readonly [key: string]: Json };

/** @throws {@link StrataError} `UNSTORABLE` for functions, symbols, cycles, and instances of classes that are not on the list */
export function encodeNodeValue(value: unknown, path = "value", depth = 0): Json {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
  if (value === undefined) return { [KIND]: "undefined" };
  if (typeof value === "number") {
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : { [KIND]: "number", v: Object.is(value, -0) ? "-0" : String(value) };
  }
  if (typeof value === "bigint") return { [KIND]: "bigint", v: String(value) };
  if (typeof value !== "object") throw unstorable(path, `of type ${typeof value}`);
  if (depth >= MAX_DEPTH) throw unstorable(path, `nested deeper than ${MAX_DEPTH}, or within itself`);
  const inside = (item: unknown, key: string | number): Json => encodeNodeValue(item, `${path}.${key}`, depth + 1);
  if (Array.isArray(value)) return Array.from(value, inside);
  if (value instanceof Uint8Array) return { [KIND]: "bytes", v: Buffer.from(value).toString("base64") };
  if (value instanceof Date) return { [KIND]: "date", v: Number.isNaN(value.getTime()) ? null : value.getTime() };
  if (value instanceof Map) return { [KIND]: "map", v: Array.from(value, (pair, index) => inside(pair, index)) };
  if (value instanceof Set) return { [KIND]: "set", v: Array.from(value, inside) };
  if (value instanceof Error) return { [KIND]: "error", v: value.message };
  if (BaseMessage.isInstance(value)) return encodeNodeMessage(value);
  if (value instanceof Document) {
    const { pageContent, metadata, id } = value;
    return { [KIND]: "document", v: fields({ pageContent, metadata, id }, inside) };
  }
  return encodeObject(value, path, inside);
}

/** @throws {@link StrataError} `CORRUPT` when it is not what `encodeNodeValue` writes */
export function decodeNodeValue(stored: Json): unknown {
  if (typeof stored !== "object" || stored === null) return stored;
  if (Array.isArray(stored)) return stored.map(decodeNodeValue);
  const object = stored as Stored;
  const kind = object[KIND];
  if (kind === undefined) return plainObject(object);
  const decode = typeof kind === "string" && Object.hasOwn(DECODE, kind) ? DECODE[kind] : undefined;
  if (decode === undefined) throw corrupt();
  return decode(object["v"] ?? null, object);
}

const DECODE: Readonly<Record<string, (value: Json, stored: Stored) => unknown>> = {
  undefined: () => undefined,
  number: (value) => Number(value),
  bigint: (value) => (/^-?\d{1,4096}$/.test(text(value)) ? BigInt(text(value)) : refuse()),
  bytes: (value) => new Uint8Array(Buffer.from(text(value), "base64")),
  date: (value) => new Date(value === null ? Number.NaN : Number(value)),
  map: (value) => new Map(list(value).map((pair) => list(pair).map(decodeNodeValue) as [unknown, unknown])),
  set: (value) => new Set(list(value).map(decodeNodeValue)),
  error: (value) => new Error(text(value)),
  object: (value) => plainObject(record(value)),
  remove: (value) => new RemoveMessage({ id: text(value) }),
  message: (value, { id }) => {
    const message = decodeMessage({ id: typeof id === "string" ? id : "none", payload: text(value) });
    // Of a conversation each message has an id; in a graph some have none.
    if (id === undefined) {
      delete message.id;
      delete message.lc_kwargs["id"];
    }
    return message;
  },
  document: (value) => {
    const { pageContent, metadata, id } = plainObject(record(value));
    return new Document({
      pageContent: String(pageContent),
      metadata: metadata as Record<string, unknown>,
      ...(typeof id === "string" && { id }),
    });
  },
};

function encodeNodeMessage(message: BaseMessage): Json {
  if (message.type === "remove") return { [KIND]: "remove", v: message.id ?? "" };
  const { payload } = encodeMessage(message, { id: message.id ?? "none", createdAt: 0 });
  return { [KIND]: "message", v: payload, ...(message.id !== undefined && { id: message.id }) };
}

/** Plain objects, and the two that LangGraph reads from their fields: `Send`, and `Overwrite` for a channel with a reducer. */
function encodeObject(value: object, path: string, inside: (item: unknown, key: string) => Json): Json {
  const { lg_name: graphName, toJSON } = value as { readonly lg_name?: unknown; readonly toJSON?: () => object };
  if ((graphName === "Send" || graphName === "Overwrite") && typeof toJSON === "function") {
    const { lg_name: _name, ...plain } = toJSON.call(value) as Record<string, unknown>;
    return fields(plain, inside);
  }
  const prototype = Object.getPrototypeOf(value) as object | null;
  const isPlain = prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
  if (!isPlain) throw unstorable(path, `an instance of ${className(value)}`);
  const plain = fields(value, inside);
  return Object.hasOwn(value, KIND) ? { [KIND]: "object", v: plain } : plain;
}

function fields(value: object, inside: (item: unknown, key: string) => Json): Stored {
  const result: Record<string, Json> = {};
  for (const [key, item] of Object.entries(value)) {
    if (key === "__proto__") throw unstorable(key, "an own key `__proto__`");
    result[key] = inside(item, key);
  }
  return result;
}

/** Own `__proto__` keys are left out: none is written here, and to assign one would set the prototype. */
function plainObject(stored: Stored): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(stored)) if (key !== "__proto__") result[key] = decodeNodeValue(stored[key] as Json);
  return result;
}

function text(value: Json): string {
  return typeof value === "string" ? value : refuse();
}

function list(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : refuse();
}

function record(value: Json): Stored {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Stored) : refuse();
}

function refuse(): never {
  throw corrupt();
}

function corrupt(): StrataError {
  return new StrataError("CORRUPT", "A stored value is not what a node of a graph wrote.");
}

function unstorable(path: string, what: string): StrataError {
  return new StrataError("UNSTORABLE", `\`${path}\` is ${what}, which cannot be stored and given back equal.`);
}
