/** Type-checks texts as modules of this repository, with the package's own name standing for its source. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { ROOT } from "./pages.ts";

/** The subpaths of the package, each with the source file that it is built from. */
export function sourcePaths(): Record<string, string[]> {
  const { name, exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    name: string;
    exports: Record<string, string | { import: { default: string } }>;
  };
  const paths: Record<string, string[]> = {};
  for (const [subpath, target] of Object.entries(exports)) {
    if (typeof target === "string") continue;
    const source = target.import.default.replace("./dist/", "src/").replace(/\.js$/, ".ts");
    paths[join(name, subpath)] = [join(ROOT, source)];
  }
  return paths;
}

/**
 * The errors of each text, by its name.
 * @param texts lie, for the compiler, in the folder `docs`
 */
export function typeErrors(texts: ReadonlyMap<string, string>): ReadonlyMap<string, readonly string[]> {
  const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), (path) => ts.sys.readFile(path)) as { config: object };
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, ROOT);
  const compilerOptions = { ...options, paths: sourcePaths(), isolatedDeclarations: false, declaration: false };

  const names = new Map([...texts.keys()].map((name, index) => [join(ROOT, "docs", `block-${index}.ts`), name]));
  const textOf = (file: string): string | undefined => texts.get(names.get(file) ?? "");
  const disk = ts.createCompilerHost(compilerOptions);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (file) => names.has(file) || disk.fileExists(file),
    readFile: (file) => textOf(file) ?? disk.readFile(file),
    getSourceFile(file, language, ...rest) {
      const text = textOf(file);
      return text === undefined ? disk.getSourceFile(file, language, ...rest) : ts.createSourceFile(file, text, language);
    },
  };

  const program = ts.createProgram([...names.keys()], compilerOptions, host);
  const errors = new Map<string, string[]>();
  for (const [file, name] of names) {
    const source = program.getSourceFile(file);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    errors.set(
      name,
      found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n")),
    );
  }
  return errors;
}
