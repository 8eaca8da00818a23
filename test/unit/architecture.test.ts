import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const SRC = fileURLToPath(new URL("../../src", import.meta.url));

/**
 * What each room may import, beside itself. The order is the one of ARCHITECTURE.md; a room that is not named here is new, and
 * belongs here first.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  text: [],
  clients: ["core"],
  encryption: ["core", "clients"],
  vectors: ["core", "clients"],
  cache: ["core", "clients", "encryption", "vectors"],
  embeddings: ["core", "clients", "encryption", "cache"],
  history: ["core", "clients", "encryption", "vectors"],
  memory: ["core", "text", "clients", "vectors", "history", "embeddings", "rerank"],
  rerank: ["core", "text", "clients", "cache", "embeddings"],
  rag: ["core", "text", "clients", "vectors", "cache", "embeddings"],
  prompts: ["core", "cache"],
  middleware: ["core", "encryption", "cache", "history", "memory"],
  bench: ["core", "cache"],
  observability: ["core", "text", "clients", "cache", "embeddings", "history", "memory", "rerank", "http"],
  maintenance: [
    "core",
    "clients",
    "encryption",
    "vectors",
    "cache",
    "embeddings",
    "history",
    "memory",
    "prompts",
    "observability",
  ],
  http: ["core"],
  testing: ["core", "clients", "encryption", "cache", "vectors", "history", "memory", "rerank", "rag", "maintenance"],
  // What one config is made into.
  system: [
    "core",
    "clients",
    "encryption",
    "vectors",
    "cache",
    "embeddings",
    "history",
    "memory",
    "rerank",
    "rag",
    "prompts",
    "middleware",
    "observability",
    "maintenance",
    "http",
  ],
  serve: ["core", "http", "cache", "embeddings", "history", "memory", "rerank", "observability", "maintenance", "system"],
  cli: [
    "core",
    "http",
    "clients",
    "encryption",
    "cache",
    "middleware",
    "testing",
    "vectors",
    "embeddings",
    "history",
    "memory",
    "rerank",
    "rag",
    "prompts",
    "bench",
    "observability",
    "maintenance",
    "system",
    "serve",
  ],
};

function sourceFiles(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return sourceFiles(path);
    return path.endsWith(".ts") ? [path] : [];
  });
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/(?:from|import\()\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
}

/** The first folder below src; the front doors in src itself may open every room. */
function roomOf(file: string): string | undefined {
  const parts = relative(SRC, file).split("/");
  return parts.length > 1 ? parts[0] : undefined;
}

const files = sourceFiles(SRC);

describe("the structure", () => {
  test("has files to look at", () => {
    expect(files.length).toBeGreaterThan(30);
  });

  test("dependencies run one way", () => {
    const wrong = files.flatMap((file) => {
      const room = roomOf(file);
      if (room === undefined) return [];
      const allowed = new Set([room, ...(MAY_IMPORT[room] ?? [])]);
      return importsOf(file)
        .filter((specifier) => specifier.startsWith("."))
        .map((specifier) => roomOf(resolve(dirname(file), specifier)) ?? "the front door")
        .filter((target) => !allowed.has(target))
        .map((target) => `${relative(SRC, file)} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  test("every room is known", () => {
    const rooms = new Set(files.map(roomOf).filter((room) => room !== undefined));
    expect([...rooms].filter((room) => !(room in MAY_IMPORT))).toEqual([]);
  });

  test("no room is called utils, helpers, common, types or interfaces", () => {
    const vague = files.filter((file) =>
      /(?:^|\/)(?:utils?|helpers?|common|types|interfaces|misc)(?:\.ts|\/)/.test(relative(SRC, file)),
    );
    expect(vague).toEqual([]);
  });

  test("the core knows nothing of LangChain but its errors", () => {
    const specifiers = files
      .filter((file) => roomOf(file) === "core")
      .flatMap(importsOf)
      .filter((specifier) => !specifier.startsWith(".") && !specifier.startsWith("node:"));
    expect([...new Set(specifiers)]).toEqual(["@langchain/core/errors"]);
  });
});
