/** How the API reference is ordered: modules by the names that users import, the front door by the headings of its source. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  Comment,
  CommentTag,
  Converter,
  ReflectionKind,
  type Application,
  type CommentDisplayPart,
  type DeclarationReflection,
  type ProjectReflection,
} from "typedoc";
import { ROOT } from "./contents.ts";

const PACKAGE = "langchain-strata";
const FRONT_DOOR = "src/index.ts";
/** The group of the modules. */
export const API = "API";

/** Every public subpath, by its source. */
export function entryPoints(): ReadonlyMap<string, string> {
  const { exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    exports: Record<string, string | { import: { types: string } }>;
  };
  const paths = Object.entries(exports).flatMap(([path, target]) =>
    typeof target === "string" ? [] : [[sourceOf(target.import.types), PACKAGE + path.slice(1)] as const],
  );
  return new Map(paths);
}

function sourceOf(types: string): string {
  return types.replace(/^\.\/dist\//, "src/").replace(/\.d\.ts$/, ".ts");
}

export function orderApi(app: Application): void {
  const names = new Map([...entryPoints()].map(([file, name]) => [moduleNameOf(file), { file, name }]));
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    const modules = project.getChildrenByKind(ReflectionKind.Module);
    const front = modules.find(({ name }) => name === moduleNameOf(FRONT_DOOR));
    for (const module of modules) {
      const entry = names.get(module.name);
      if (entry === undefined) continue;
      module.name = entry.name;
      module.comment ??= new Comment([{ kind: "text", text: firstComment(entry.file) }]);
      module.comment.blockTags.push(new CommentTag("@group", [{ kind: "text", text: API }]));
    }
    if (front === undefined) return;
    const found = categories();
    for (const child of front.children ?? []) categorise(child, found.get(child.name));
    linkToFrontDoor(project, front);
    // The page has the name of the package for its title.
    const [title] = project.readme ?? [];
    if (title?.kind === "text") title.text = title.text.replace(/^# .+\n/, "");
  });
}

/** As TypeDoc names an entry point, among those that lie in one folder. */
function moduleNameOf(file: string): string {
  return file.replace(/^src\//, "").replace(/(?:\/index)?\.ts$/, "");
}

function firstComment(file: string): string {
  const [, text = ""] = /\/\*\*([\s\S]*?)\*\//.exec(readFileSync(join(ROOT, file), "utf8")) ?? [];
  return text.replace(/^\s*\* ?/gm, "").trim();
}

function categorise(child: DeclarationReflection, category = "Other"): void {
  const commented = child.signatures?.[0] ?? child;
  commented.comment ??= new Comment();
  commented.comment.blockTags.push(new CommentTag("@category", [{ kind: "text", text: category }]));
}

/** What each name that the front door exports stands under there: the comment above. */
export function categories(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const section of readFileSync(join(ROOT, FRONT_DOOR), "utf8")
    .split(/^\/\/ /m)
    .slice(1)) {
    const category = section.slice(0, section.indexOf("\n")).replace(/\.$/, "");
    for (const name of exportedBy(section)) found.set(name, category);
  }
  return found;
}

function exportedBy(section: string): readonly string[] {
  const lists = [...section.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list = ""]) => list.split(","));
  const named = lists.map((one) =>
    one
      .replace(/\btype /, "")
      .replace(/.* as /, "")
      .trim(),
  );
  const wholes = [...section.matchAll(/export type \* from "([^"]+)"/g)].map(([, file = ""]) =>
    join(ROOT, dirname(FRONT_DOOR), file),
  );
  const declared = wholes.flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/^export (?:interface|type) (\w+)/gm)].map(([, name = ""]) => name),
  );
  return [...named.filter((name) => name !== ""), ...declared];
}

/**
 * A name in `{@link …}` is looked for where it stands; a subpath names the errors of the front door without importing them. Such links lead there.
 */
function linkToFrontDoor(project: ProjectReflection, front: DeclarationReflection): void {
  const targets = new Map((front.children ?? []).map((child) => [child.name, child]));
  const resolve = (parts: readonly CommentDisplayPart[], scope: ReadonlySet<string>): void => {
    for (const part of parts) {
      if (part.kind !== "inline-tag" || !part.tag.startsWith("@link")) continue;
      const name = part.text.trim();
      const target = targets.get(name);
      if (target !== undefined && part.target === undefined && !scope.has(name)) part.target = target;
    }
  };
  for (const reflection of Object.values(project.reflections)) {
    const { comment } = reflection;
    if (comment === undefined) continue;
    let module = reflection;
    while (module.parent !== undefined && !module.parent.isProject()) module = module.parent;
    const scope = new Set(module.isDeclaration() ? module.children?.map(({ name }) => name) : []);
    for (const parts of [comment.summary, ...comment.blockTags.map(({ content }) => content)]) resolve(parts, scope);
  }
}
