import type { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { BaseMessage, BaseMessageLike } from "@langchain/core/messages";
import type { ChatPromptTemplate } from "@langchain/core/prompts";
import { StrataConfigError } from "../core/errors.ts";
import { parseChoice, refuseUnknown } from "../core/options.ts";
import { compilePrompt, type CompiledPrompt, type SystemPlace } from "./compile-prompt.ts";
import { checkSpec, compareVersions, type PromptSpec, type VariablesOf } from "./prompt-spec.ts";
import { PromptUsage, PromptUsageHandler, type PromptSavings } from "./prompt-usage.ts";

export interface PromptLibraryOptions<Partials extends Readonly<Record<string, string>> = Readonly<Record<string, string>>> {
  /** Texts that every prompt may name; rendered once for each prompt. */
  readonly partials?: Partials | undefined;
  /** Where the system text of prompts goes; `"user"` for R1. Default `"system"`. */
  readonly system?: SystemPlace | undefined;
}

export interface PromptInfo {
  readonly name: string;
  readonly version: string;
  readonly description: string | undefined;
  readonly variables: readonly string[];
  /** Characters that every call of it begins with alike. */
  readonly staticCharacters: number;
}

export interface GetPromptOptions {
  /** In place of the library's own. */
  readonly system?: SystemPlace | undefined;
}

/** What a prompt is invoked with: a text for each variable, and the conversation where it takes one. */
export type PromptInput<Spec extends PromptSpec, Partials extends string = never> = {
  readonly [Name in VariablesOf<Spec, Partials>]: string | number;
} & (Spec["history"] extends true ? { readonly history?: readonly BaseMessageLike[] } : unknown);

interface Entry {
  readonly spec: PromptSpec & { readonly version: string };
  readonly json: string;
  readonly compiled: Map<SystemPlace, CompiledPrompt>;
}

/**
 * Prompts by name and version, which come out as templates of LangChain with everything fixed in front. What `add` and `addAll` return
 * is the same library, whose type knows the names and variables.
 * @example
 * ```ts
 * const library = new PromptLibrary().add({ name: "ask", system: "Answer in one sentence.", user: "{question}" });
 * const chain = library.get("ask").pipe(model);
 * ```
 */
export class PromptLibrary<Known extends Readonly<Record<string, object>> = {}, Partials extends string = never> {
  readonly #partials: Readonly<Record<string, string>>;
  readonly #system: SystemPlace;
  readonly #prompts = new Map<string, Entry[]>();
  readonly #usage = new PromptUsage();
  readonly #handler: PromptUsageHandler;

  /** @throws {@link StrataConfigError} naming the option */
  constructor(options: PromptLibraryOptions<Readonly<Record<Partials, string>>> = {}) {
    refuseUnknown("PromptLibrary", options, ["partials", "system"]);
    this.#partials = options.partials ?? {};
    for (const [name, text] of Object.entries(this.#partials)) {
      if (typeof text !== "string") throw new StrataConfigError(`PromptLibrary.partials.${name}`, text, "a text");
    }
    this.#system = parseChoice("PromptLibrary.system", options.system ?? "system", ["system", "user"]);
    this.#handler = new PromptUsageHandler(this.#usage, (messages) => this.#nameOf(messages));
  }

  /**
   * Adds a prompt, checked whole.
   * @throws {@link StrataConfigError} naming the prompt and the field; so for another prompt under a name and version that is taken
   */
  add<const Spec extends PromptSpec>(
    spec: Spec,
  ): PromptLibrary<Known & Readonly<Record<Spec["name"], PromptInput<Spec, Partials>>>, Partials> {
    checkSpec(spec);
    const { version = "1" } = spec;
    const versions = this.#prompts.get(spec.name) ?? [];
    const json = JSON.stringify({ ...spec, version });
    const same = versions.find((entry) => entry.spec.version === version);
    if (same !== undefined && same.json !== json) {
      throw new StrataConfigError(`prompt ${spec.name}: version`, version, "another version: this one is taken by other texts");
    }
    if (same === undefined) {
      const entry: Entry = { spec: structuredClone({ ...spec, version }), json, compiled: new Map() };
      this.#compile(entry, this.#system);
      this.#prompts.set(
        spec.name,
        [...versions, entry].toSorted((a, b) => compareVersions(b.spec.version, a.spec.version)),
      );
    }
    return this;
  }

  /** Adds prompts, such as `tradingPrompts`. @throws as {@link add} */
  addAll<const Specs extends readonly PromptSpec[]>(
    specs: Specs,
  ): PromptLibrary<Known & { readonly [Spec in Specs[number] as Spec["name"]]: PromptInput<Spec, Partials> }, Partials> {
    for (const spec of specs) this.add(spec);
    return this;
  }

  /**
   * A prompt as LangChain's template, made once. Without a version: the newest.
   * @throws {@link StrataConfigError} naming what there is; the template rejects with one that names a missing variable
   */
  get<Name extends keyof Known & string>(
    name: Name,
    version?: string,
    options?: GetPromptOptions,
  ): ChatPromptTemplate<Known[Name]>;
  get(name: string, version?: string, options?: GetPromptOptions): ChatPromptTemplate;
  get(name: string, version?: string, options: GetPromptOptions = {}): ChatPromptTemplate {
    refuseUnknown("get", options, ["system"]);
    const versions = this.#prompts.get(name);
    if (versions === undefined)
      throw new StrataConfigError("prompt", name, [...this.#prompts.keys()].join(", ") || "none was added");
    const entry = version === undefined ? versions[0] : versions.find(({ spec }) => compareVersions(spec.version, version) === 0);
    if (entry === undefined) {
      throw new StrataConfigError(`prompt ${name}: version`, version, versions.map(({ spec }) => `"${spec.version}"`).join(", "));
    }
    return this.#compile(entry, parseChoice("get.system", options.system ?? this.#system, ["system", "user"])).template;
  }

  /** All prompts, by name, the newest version first. */
  list(): PromptInfo[] {
    return [...this.#prompts.values()].flat().map((entry) => {
      const { name, version, description } = entry.spec;
      const { variables, staticCharacters } = this.#compile(entry, this.#system);
      return { name, version, description, variables, staticCharacters };
    });
  }

  /** A callback that reads usage: `model.invoke(messages, { callbacks: [library.callback()] })`, or in a model's or chain's `callbacks`. */
  callback(): BaseCallbackHandler {
    return this.#handler;
  }

  /** What the provider's prompt cache saved on the prompts of this library, as far as {@link callback} was there; in all and by `name@version`. */
  savings(): PromptSavings & { readonly prompts: Readonly<Record<string, PromptSavings>> } {
    const { all, prompts } = this.#usage.savings();
    return { ...all, prompts };
  }

  #compile(entry: Entry, place: SystemPlace): CompiledPrompt {
    const compiled = entry.compiled.get(place) ?? compilePrompt(entry.spec, this.#partials, place);
    entry.compiled.set(place, compiled);
    return compiled;
  }

  /** Of the prompts that begin so, the one whose beginning is longest; the newest of equal ones. */
  #nameOf(messages: readonly BaseMessage[]): string | undefined {
    const [first] = messages;
    if (first === undefined || typeof first.content !== "string") return undefined;
    let best: { readonly name: string; readonly length: number } | undefined;
    for (const { spec, compiled } of [...this.#prompts.values()].flat()) {
      for (const { head } of compiled.values()) {
        if (head.length <= (best?.length ?? 0) || !first.content.startsWith(head)) continue;
        best = { name: `${spec.name}@${spec.version}`, length: head.length };
      }
    }
    return best?.name;
  }
}
