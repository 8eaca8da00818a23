/** A config in a file: YAML or JSON, with the places of what the caller fills in (`${NAME}`). */
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import type { YAMLParseError, YAMLWarning } from "yaml";
import { StrataConfigError } from "../../core/errors.ts";

/** What `${NAME}` in a config file stands for. The library reads no environment: hand in what it may see, such as `process.env`. */
export type ConfigVariables = Readonly<Record<string, string | undefined>>;

const READABLE = [".yaml", ".yml", ".json"];
/** No config is as deep; one that holds itself, through an alias, is without end. */
const DEEPEST = 64;
const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** @throws {@link StrataConfigError} for a file that cannot be read or is neither YAML nor JSON, and for a variable without a value */
export async function readConfigFile(path: string, variables: ConfigVariables): Promise<unknown> {
  const kind = extname(path).toLowerCase();
  if (!READABLE.includes(kind))
    throw new StrataConfigError("config", path, `the path of a file that ends in ${READABLE.join(", ")}`);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new StrataConfigError("config", path, `the path of a file that can be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const found = kind === ".json" ? parseJson(path, text) : await parseYaml(path, text);
  if (isDeeper(found, DEEPEST)) throw new StrataConfigError("config", path, `a file that is at most ${DEEPEST} levels deep`);
  return filled(found, variables, "");
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    // V8's message quotes the file, which may hold a key; only the place is told.
    const at = /at position \d+/.exec((error as Error).message)?.[0];
    throw new StrataConfigError("config", path, `a file of JSON${at === undefined ? "" : ` (wrong ${at})`}`);
  }
}

async function parseYaml(path: string, text: string): Promise<unknown> {
  const { parseDocument } = await import("yaml");
  const document = parseDocument(text);
  // An unknown tag is only a warning to the parser, which leaves an empty text: a key that was meant as one would be gone.
  const [error] = [...document.errors, ...document.warnings];
  if (error !== undefined) throw new StrataConfigError("config", path, `a file of YAML (${withoutQuote(error)})`);
  try {
    // An alias may stand for no more than a person would write; else nine lines become a gigabyte.
    return document.toJS({ maxAliasCount: 20 }) ?? {};
  } catch {
    // The message names what was taken for an alias.
    throw new StrataConfigError(
      "config",
      path,
      "a file of YAML (an alias without an anchor, or too many; a text that begins with * needs quotes)",
    );
  }
}

/** What is wrong and where; what the parser quotes after a colon, or of a tag, may be a key that was meant as a text. */
function withoutQuote({ code, message, linePos }: YAMLParseError | YAMLWarning): string {
  const line = linePos === undefined ? "" : ` at line ${linePos[0].line}`;
  const what = message.split("\n", 1)[0]?.split(/(?<=\S):(?: |$)| at line /, 1)[0] ?? "";
  return `${code === "TAG_RESOLVE_FAILED" ? "A tag cannot be resolved" : what}${line}`;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((item) => isDeeper(item, levels - 1));
}

/** Values only, never keys; what is filled in is data and is not read again. */
function filled(value: unknown, variables: ConfigVariables, path: string): unknown {
  if (typeof value === "string") {
    return value.replace(VARIABLE, (_place, name: string) => {
      const found = Object.hasOwn(variables, name) ? variables[name] : undefined;
      if (found !== undefined) return found;
      const given =
        "a variable that was handed in: createStrata(path, { variables: { ... } }), or, for `strata`, one of its environment";
      throw new StrataConfigError(path, `\${${name}}`, given);
    });
  }
  if (Array.isArray(value)) return value.map((item, index) => filled(item, variables, `${path}[${index}]`));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [
    key,
    filled(item, variables, path === "" ? key : `${path}.${key}`),
  ]);
  return Object.fromEntries(entries) as unknown;
}
