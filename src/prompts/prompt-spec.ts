import { StrataConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import type { VariablesIn } from "./template-text.ts";

/** A prompt as data. Texts hold `{variables}`; `{{` and `}}` are braces. */
export interface PromptSpec {
  /** 1 to 100 characters, such as `"trading.risk.en"`. */
  readonly name: string;
  /** Numbers with dots, such as `"2"` or `"1.4.0"`; default `"1"`. What was added under a version is never changed. */
  readonly version?: string | undefined;
  readonly description?: string | undefined;
  /**
   * What the model is told first. Paragraphs without variables are the beginning of every prompt, which the provider caches; those with
   * variables are moved behind it (see `layout`).
   */
  readonly system?: string | undefined;
  /** Shown to the model before the question, always the same: no variables. */
  readonly examples?: readonly { readonly user: string; readonly assistant: string }[] | undefined;
  /** Whether messages may be given as `history`, between the examples and the question; default `false`. */
  readonly history?: boolean | undefined;
  /** The question. */
  readonly user: string;
  /** Texts that stand where their names are: rendered once, when the template is added. Braces in them are characters. */
  readonly partials?: Readonly<Record<string, string>> | undefined;
  /**
   * `"static-first"` (default): everything that is the same in each call comes before everything that is not. `"as-written"`: the system
   * text stays whole, and from its first variable on the provider can cache nothing.
   */
  readonly layout?: "static-first" | "as-written" | undefined;
}

/** The variables of a prompt, its own partials and those of the library apart. */
export type VariablesOf<Spec extends PromptSpec, Partials extends string = never> = Exclude<
  VariablesIn<Spec["user"]> | (Spec["system"] extends string ? VariablesIn<Spec["system"]> : never),
  Partials | (Spec["partials"] extends Readonly<Record<string, string>> ? Extract<keyof Spec["partials"], string> : never)
>;

const FIELDS = ["name", "version", "description", "system", "examples", "history", "user", "partials", "layout"];
const VERSION = /^\d{1,9}(?:\.\d{1,9}){0,2}$/;
const MAX_NAME = 100;

/** @throws {@link StrataConfigError} naming the field */
export function checkSpec(spec: PromptSpec): void {
  refuseUnknown("prompt", spec, FIELDS);
  const { name, version = "1", examples = [], partials = {}, layout = "static-first", history = false } = spec;
  if (typeof name !== "string" || name === "" || name.length > MAX_NAME) {
    throw new StrataConfigError("prompt.name", name, `a text of 1 to ${MAX_NAME} characters`);
  }
  const field = (what: string): string => `prompt ${name}: ${what}`;
  if (typeof version !== "string" || !VERSION.test(version))
    throw new StrataConfigError(field("version"), version, 'such as "2" or "1.4.0"');
  if (typeof spec.user !== "string" || spec.user === "")
    throw new StrataConfigError(field("user"), spec.user, "a text that is not empty");
  if (spec.system !== undefined && typeof spec.system !== "string")
    throw new StrataConfigError(field("system"), spec.system, "a text");
  if (typeof history !== "boolean") throw new StrataConfigError(field("history"), history, "true or false");
  if (!["static-first", "as-written"].includes(layout))
    throw new StrataConfigError(field("layout"), layout, '"static-first", "as-written"');
  if (!Array.isArray(examples) || !examples.every(isExample))
    throw new StrataConfigError(field("examples"), examples, "a list of { user, assistant }");
  for (const [partial, text] of Object.entries(partials)) {
    if (typeof text !== "string") throw new StrataConfigError(field(`partials.${partial}`), text, "a text");
  }
}

/** Below zero when the first is the older one. */
export function compareVersions(a: string, b: string): number {
  const [first, second] = [a, b].map((version) => version.split(".").map(Number));
  for (let at = 0; at < 3; at++) {
    const difference = (first?.[at] ?? 0) - (second?.[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function isExample(example: unknown): boolean {
  const { user, assistant } = (example ?? {}) as { user?: unknown; assistant?: unknown };
  return typeof user === "string" && typeof assistant === "string";
}
