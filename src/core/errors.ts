import { LangChainError, ns } from "@langchain/core/errors";

/**
 * The codes by which an error is looked up. Match on `code`, never on the message.
 *
 * | code | raised when |
 * | --- | --- |
 * | `CONFIG` | an option has a value that is not accepted |
 * | `CLOSED` | something is used after its `close()` |
 * | `TIMEOUT` | a call passed its deadline |
 * | `CIRCUIT_OPEN` | a call was not tried, because the ones before it failed |
 * | `QUEUE_FULL` | background work was refused, because its queue is at its bound |
 * | `UNSTORABLE` | a value cannot be stored and given back equal |
 * | `CORRUPT` | stored bytes are damaged, foreign, or of a version that this release does not read |
 * | `BAD_ANSWER` | a provider answered with what cannot be right, such as a vector of zeros |
 * | `UNAVAILABLE` | an engine (folder, server) cannot be used |
 * | `MISSING_PEER` | an optional package is needed and not installed |
 */
export type StrataErrorCode =
  | "CONFIG"
  | "CLOSED"
  | "TIMEOUT"
  | "CIRCUIT_OPEN"
  | "QUEUE_FULL"
  | "UNSTORABLE"
  | "CORRUPT"
  | "BAD_ANSWER"
  | "UNAVAILABLE"
  | "MISSING_PEER";

const strata = ns.sub("strata");
const StrataErrorBase: typeof LangChainError = strata.brand(LangChainError);

/**
 * The base of every error that this package raises. `StrataError.isInstance(error)` holds across copies of the package, as
 * `LangChainError.isInstance` does.
 */
export class StrataError extends StrataErrorBase {
  override readonly name: string = "StrataError";
  readonly code: StrataErrorCode;

  constructor(code: StrataErrorCode, message: string, options?: { cause?: unknown }) {
    super(message);
    this.code = code;
    if (options?.cause !== undefined) this.cause = options.cause;
  }
}

/** The code of our error, or `ENGINE` for what an engine, a provider or a user's own function threw. */
export function codeOf(error: unknown): StrataErrorCode | "ENGINE" {
  return StrataError.isInstance(error) ? error.code : "ENGINE";
}

/** A brand of its own: with the inherited one every `StrataError` would be `instanceof StrataConfigError`. */
const ConfigErrorBase: typeof StrataError = strata.brand(StrataError, "config");

/** An option has a value that is not accepted. The message names the option, the value, and what is accepted. */
export class StrataConfigError extends ConfigErrorBase {
  override readonly name = "StrataConfigError";
  readonly option: string;
  readonly #value: unknown;
  readonly #accepted: string;

  constructor(option: string, value: unknown, accepted: string) {
    super("CONFIG", `Option \`${option}\` is ${describe(value)}; accepted: ${accepted}.`);
    this.option = option;
    this.#value = value;
    this.#accepted = accepted;
  }

  /** The same refusal under the name that the caller knows the option by. @internal */
  renamed(option: string): StrataConfigError {
    return new StrataConfigError(option, this.#value, this.#accepted);
  }
}

/** Shows a value in a message: short, and never the inside of an object, which may hold a secret. */
export function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return `an object (${className(value)})`;
  if (typeof value === "bigint") return `${value}n`;
  return String(value);
}

/** The name of an object's class. Read off the prototype: an own property `constructor` is data, which no message shows. */
export function className(value: object): string {
  const constructor: unknown = (Object.getPrototypeOf(value) as object | null)?.constructor;
  return typeof constructor === "function" ? constructor.name : "no class";
}
