/**
 * The JSON Schema of a config file, made from the types of the config: what an editor completes and explains cannot differ from what the
 * program takes. Functions and objects with methods are not in it, since no file can hold them.
 */
import { join } from "node:path";
import ts from "typescript";
import { ROOT } from "./pages.ts";

export type Schema = { readonly [key: string]: unknown };

const FILE = join(ROOT, "src/system/config/strata-config.ts");
/** Types whose values have a form of their own. */
const FORMS: Readonly<Record<string, Schema>> = {
  Duration: {
    anyOf: [
      { type: "number", minimum: 0 },
      { type: "string", pattern: "^(\\$\\{.+\\}|\\d+(\\.\\d+)?(ms|s|m|h|d))$" },
    ],
  },
  ByteSize: {
    anyOf: [
      { type: "number", minimum: 0 },
      { type: "string", pattern: "^(\\$\\{.+\\}|\\d+(\\.\\d+)?(b|kb|mb|gb|tb))$" },
    ],
  },
};
/** Deeper there are no configs, only what a user's own types hold. */
const DEEPEST = 8;

export function configSchema(): Schema {
  const options: ts.CompilerOptions = {
    ...{ strict: true, noEmit: true, skipLibCheck: true, allowImportingTsExtensions: true, exactOptionalPropertyTypes: true },
    ...{ target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  };
  const program = ts.createProgram([FILE], options);
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(FILE);
  const declared = source?.statements.find((one) => ts.isInterfaceDeclaration(one) && one.name.text === "StrataConfig");
  if (declared === undefined) throw new Error("StrataConfig is not where it was.");
  const of = converter(checker);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "langchain-strata",
    ...of(checker.getTypeAtLocation(declared), 0),
  };
}

function converter(checker: ts.TypeChecker): (type: ts.Type, depth: number) => Schema | undefined {
  function convert(type: ts.Type, depth: number): Schema | undefined {
    const form = FORMS[type.aliasSymbol?.name ?? ""];
    if (form !== undefined) return form;
    if (depth > DEEPEST) return undefined;
    if (type.isUnion()) return union(type, depth);
    if (type.isStringLiteral() || type.isNumberLiteral()) return { const: type.value };
    if ((type.flags & ts.TypeFlags.BooleanLiteral) !== 0) return { const: checker.typeToString(type) === "true" };
    if ((type.flags & (ts.TypeFlags.String | ts.TypeFlags.TemplateLiteral)) !== 0) return { type: "string" };
    if ((type.flags & ts.TypeFlags.Number) !== 0) return { type: "number" };
    if ((type.flags & ts.TypeFlags.Null) !== 0) return { type: "null" };
    if ((type.flags & ts.TypeFlags.Object) === 0 || type.getCallSignatures().length > 0) return undefined;
    if (checker.isArrayType(type) || checker.isTupleType(type)) {
      const [item] = checker.getTypeArguments(type as ts.TypeReference);
      const items = item && convert(item, depth + 1);
      return items && { type: "array", items };
    }
    return object(type, depth);
  }

  function union(type: ts.UnionType, depth: number): Schema | undefined {
    // An alias is lost once `undefined` is added to it, so it is looked for among what the union was made of.
    const known = Object.entries(FORMS).find(([name]) => checker.typeToString(type).split(" | ").includes(name));
    const parts = known === undefined ? type.types : [];
    const all: Schema[] = parts.flatMap((part) => {
      const schema = (part.flags & ts.TypeFlags.Undefined) === 0 ? convert(part, depth) : undefined;
      return schema === undefined ? [] : [schema];
    });
    if (known !== undefined) all.push(known[1]);
    const consts = all.filter((one) => "const" in one).map((one) => one["const"]);
    const others = all.filter((one) => !("const" in one));
    const isBoolean = consts.includes(true) && consts.includes(false);
    const texts = consts.filter((value) => !isBoolean || typeof value !== "boolean");
    const choices: Schema[] = [
      ...(isBoolean ? [{ type: "boolean" }] : []),
      ...(texts.length > 0 ? [{ enum: texts }] : []),
      ...others,
    ];
    return choices.length > 1 ? { anyOf: choices } : choices[0];
  }

  function object(type: ts.Type, depth: number): Schema | undefined {
    const index = type.getStringIndexType();
    if (index !== undefined) {
      const values = convert(index, depth + 1);
      return values && { type: "object", additionalProperties: values };
    }
    const properties: Record<string, Schema> = {};
    const required: string[] = [];
    for (const property of checker.getPropertiesOfType(type)) {
      const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0;
      const schema = convert(checker.getTypeOfSymbol(property), depth + 1);
      // What needs a method is no data.
      if (schema === undefined && !isOptional) return undefined;
      if (schema === undefined) continue;
      const description = ts.displayPartsToString(property.getDocumentationComment(checker)).replaceAll(/\s+/g, " ");
      properties[property.name] = { ...(description !== "" && { description }), ...schema };
      if (!isOptional) required.push(property.name);
    }
    if (Object.keys(properties).length === 0) return undefined;
    return { type: "object", additionalProperties: false, properties, ...(required.length > 0 && { required }) };
  }

  return convert;
}
