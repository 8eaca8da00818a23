/**
 * Tables for the docs, made from the source: the options and the fields of an interface with their TSDoc, the members of a union,
 * the help of a command, a whole file. What a page says of them cannot go stale, because nobody writes it twice.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { ROOT } from "./pages.ts";

type Declaration = ts.InterfaceDeclaration | ts.TypeAliasDeclaration;

const USAGES: Readonly<Record<string, string>> = Object.fromEntries(COMMANDS.map(({ name, usage }) => [name, usage]));

/**
 * What stands between `<!-- generated: KIND NAME -->` and `<!-- end -->`:
 *
 * - `fields X`: the members of the interface X with their types and what their TSDoc says; inherited ones are not followed
 * - `events X`: the interfaces that the union X is made of, with their `type` and their fields
 * - `tsdoc X`: the TSDoc of X itself
 * - `usage X`: the help of the command X
 * - `source X`: the file X
 */
export function generate(kind: string, name: string): string {
  if (kind === "fields") return fieldsTable(requireInterface(name));
  if (kind === "events") return eventsTable(name);
  if (kind === "tsdoc") return tsdocOf(declaration(name));
  if (kind === "usage" && USAGES[name] !== undefined) return fenced("text", USAGES[name]);
  if (kind === "source") return fenced("ts", readFileSync(join(ROOT, name), "utf8"));
  throw new Error(`There is no generated text "${kind} ${name}".`);
}

/** The page with every generated part made anew. */
export function regenerate(page: string): string {
  return page.replace(
    /^<!-- generated: (\S+) (\S+) -->$[\s\S]*?^<!-- end -->$/gm,
    (_all, kind: string, name: string) => `<!-- generated: ${kind} ${name} -->\n\n${generate(kind, name)}\n\n<!-- end -->`,
  );
}

/** The texts of a union of texts. */
export function membersOf(union: string): readonly string[] {
  const found = declaration(union);
  if (!ts.isTypeAliasDeclaration(found) || !ts.isUnionTypeNode(found.type)) throw new Error(`${union} is no union.`);
  return found.type.types.flatMap((type) =>
    ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal) ? [type.literal.text] : [],
  );
}

function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
}

function fieldsTable(of: ts.InterfaceDeclaration): string {
  const rows = of.members.map((member) => {
    const isOptional = ts.isMethodSignature(member) && member.questionToken !== undefined;
    return [`\`${member.name?.getText() ?? ""}${isOptional ? "?" : ""}\``, typeOf(member), textOf(member)];
  });
  return table(["name", "type", "meaning"], rows);
}

function eventsTable(union: string): string {
  const found = declaration(union);
  if (!ts.isTypeAliasDeclaration(found) || !ts.isUnionTypeNode(found.type)) throw new Error(`${union} is no union.`);
  const rows = found.type.types.map((type) => {
    const event = requireInterface(type.getText());
    const fields = event.members.filter((member) => member.name?.getText() !== "type");
    const kind = event.members.find((member) => member.name?.getText() === "type");
    return [
      typeOf(kind).replaceAll('"', ""),
      textOf(event),
      fields.map((field) => `\`${field.name?.getText()}${field.questionToken === undefined ? "" : "?"}\``).join(", "),
    ];
  });
  return table(["event", "when", "fields"], rows);
}

function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function typeOf(member: ts.Node | undefined): string {
  if (member === undefined || !(ts.isPropertySignature(member) || ts.isMethodSignature(member))) return "";
  const type = member.type?.getText() ?? "";
  const parameters = ts.isMethodSignature(member)
    ? `(${member.parameters.map((parameter) => parameter.getText()).join(", ")}) => `
    : "";
  const text = `${parameters}${type}`.replace(/\s+/g, " ").replace(/\breadonly /g, "");
  return `\`${text.replace(/ \| undefined$/, "")}\``;
}

/** The TSDoc of a node, without its block tags. */
function tsdocOf(node: ts.Node): string {
  const comments = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const text = comments.map((comment) => ts.getTextOfJSDocComment(comment.comment) ?? "").join("\n\n");
  return text.replace(/\{@link (\w+)\}/g, "`$1`").trim();
}

/** The same in one line, for a cell. */
function textOf(node: ts.Node): string {
  return tsdocOf(node).replace(/\s*\n\s*/g, " ");
}

function requireInterface(name: string): ts.InterfaceDeclaration {
  const found = declaration(name);
  if (!ts.isInterfaceDeclaration(found)) throw new Error(`${name} is no interface.`);
  return found;
}

let declarations: ReadonlyMap<string, Declaration> | undefined;

function declaration(name: string): Declaration {
  declarations ??= readDeclarations();
  const found = declarations.get(name);
  if (found === undefined) throw new Error(`No interface or type named ${name} is exported in src.`);
  return found;
}

function readDeclarations(): ReadonlyMap<string, Declaration> {
  const found = new Map<string, Declaration>();
  const source = join(ROOT, "src");
  for (const path of readdirSync(source, { recursive: true, encoding: "utf8" })) {
    if (!path.endsWith(".ts")) continue;
    const file = ts.createSourceFile(path, readFileSync(join(source, path), "utf8"), ts.ScriptTarget.Latest, true);
    for (const statement of file.statements) {
      const isDeclared = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
      const isExported = isDeclared && statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;
      if (isExported) found.set(statement.name.text, statement);
    }
  }
  return found;
}
