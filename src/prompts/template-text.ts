/** The text of a template: `{name}` is a variable, `{{` and `}}` are braces; the same as LangChain's f-strings, but checked. */
import { StrataConfigError } from "../core/errors.ts";

export type TemplatePart = { readonly text: string } | { readonly variable: string };

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The names in a template text, as a type: `VariablesIn<"{a} and {b}">` is `"a" | "b"`. */
export type VariablesIn<Text extends string> = string extends Text
  ? string
  : Text extends `${string}{${infer Rest}`
    ? Rest extends `{${infer After}`
      ? VariablesIn<After>
      : Rest extends `${infer Name}}${infer After}`
        ? Name | VariablesIn<After>
        : never
    : never;

/** @throws {@link StrataConfigError} naming the template, for a brace without its partner and a name that is none */
export function parseTemplate(owner: string, text: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let literal = "";
  for (let at = 0; at < text.length; at++) {
    const [character, next] = [text[at], text[at + 1]];
    if ((character === "{" || character === "}") && next === character) {
      literal += character;
      at++;
    } else if (character === "}") {
      throw new StrataConfigError(owner, excerpt(text, at), "a `}` that closes a `{`, or `}}` for the character");
    } else if (character === "{") {
      const end = text.indexOf("}", at);
      const variable = end < 0 ? "" : text.slice(at + 1, end);
      if (!NAME.test(variable)) {
        throw new StrataConfigError(
          owner,
          excerpt(text, at),
          "`{name}` of letters, digits and underscores, or `{{` for the character",
        );
      }
      if (literal !== "") parts.push({ text: literal });
      literal = "";
      parts.push({ variable });
      at = end;
    } else {
      literal += character;
    }
  }
  return literal === "" ? parts : [...parts, { text: literal }];
}

/** The text that LangChain's f-strings read as these parts. */
export function toTemplate(parts: readonly TemplatePart[]): string {
  return parts
    .map((part) => ("variable" in part ? `{${part.variable}}` : part.text.replaceAll("{", "{{").replaceAll("}", "}}")))
    .join("");
}

export function variablesOf(parts: readonly TemplatePart[]): string[] {
  return [...new Set(parts.flatMap((part) => ("variable" in part ? [part.variable] : [])))];
}

function excerpt(text: string, at: number): string {
  return text.slice(Math.max(0, at - 20), at + 20);
}
