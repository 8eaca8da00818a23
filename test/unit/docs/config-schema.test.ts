import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { readConfig } from "../../../src/system/config/read-config.ts";
import { configSchema, type Schema } from "./config-schema.ts";
import { readPage, ROOT } from "./pages.ts";

const schema = configSchema();
const isValid = new Ajv({ allowUnionTypes: true }).compile(schema);

/** Every section of the config: its path, and the keys that it has in a file. */
function sections(of: Schema, path: readonly string[] = []): (readonly [path: readonly string[], keys: readonly string[]])[] {
  const choices = [of, ...((of["anyOf"] as readonly Schema[] | undefined) ?? [])].filter((one) => "properties" in one);
  return choices.flatMap((one) => {
    const properties = one["properties"] as Record<string, Schema>;
    const inner = Object.entries(properties).flatMap(([name, value]) => sections(value, [...path, name]));
    return [[path, Object.keys(properties)] as const, ...inner];
  });
}

/** What the check of the config says that a section takes, by giving it a key that nothing has; `undefined` where it looks no deeper. */
function takenAt(path: readonly string[]): readonly string[] | undefined {
  const config = path.toReversed().reduce<unknown>((inner, name) => ({ [name]: inner }), { qqqqqqqqqqqq: 1 });
  try {
    readConfig(config);
  } catch (error) {
    return /one of the keys ([^(]*?)(?: \(did|\.$)/.exec((error as Error).message)?.[1]?.split(", ");
  }
  return undefined;
}

describe("the schema of a config file", () => {
  // `npx vitest run --project unit test/unit/docs/config-schema.test.ts -u` writes it anew.
  test("is current", async () => {
    await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(join(ROOT, "strata.schema.json"));
  });

  test("takes the configs of the examples and the pages", () => {
    const pages = [...readPage("docs/guides/system.md").matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text = ""]) => text);
    expect(pages.length).toBeGreaterThan(1);
    for (const text of [readFileSync(join(ROOT, "examples/strata.yaml"), "utf8"), ...pages]) {
      expect(isValid(parse(text)), `${JSON.stringify(isValid.errors)} in ${text}`).toBe(true);
    }
  });

  test.each<[string, string]>([
    ["a misspelt key", "cache: { dsik: true }"],
    ["a wrong unit", "cache: { ttl: 10 parsecs }"],
    ["a wrong type", "history: { window: many }"],
    ["a wrong choice", "preset: prod"],
    ["a task that is none", "maintenance: { jobs: [{ task: sweep, cron: '0 3 * * *' }] }"],
    ["a job without its time", "maintenance: { jobs: [{ task: expired-entries }] }"],
  ])("refuses %s, as the program does", (_what, text) => {
    expect(isValid(parse(text))).toBe(false);
    expect(() => readConfig(parse(text))).toThrow("Option `");
  });

  test("names no key that the program does not take, in any section that it looks into", () => {
    const looked = sections(schema).flatMap(([path, keys]) => {
      const taken = takenAt(path);
      return taken === undefined ? [] : [[path.join("."), keys.filter((key) => !taken.includes(key))] as const];
    });
    expect(looked.length).toBeGreaterThan(15);
    expect(looked.filter(([, unknown]) => unknown.length > 0)).toEqual([]);
  });
});
