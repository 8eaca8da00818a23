/** The local models as a user has them: both packages packed and installed, with and without the optional runtime. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

let project: string;
let minilm: string;

function run(command: string, args: readonly string[], cwd = project): string {
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function pack(folder: string): string {
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", project];
  const [report] = JSON.parse(run("npm", args, join(ROOT, folder))) as [{ filename: string }];
  return `./${report.filename}`;
}

function install(...packages: string[]): void {
  run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", ...packages]);
}

/** Length, first number and model of a vector; or the error. Nothing is closed: an idle model keeps no process alive. */
function embed(format: "module" | "commonjs", options: object): unknown {
  const load =
    format === "module"
      ? 'import { LocalEmbeddings } from "langchain-strata/local"; import { Embeddings } from "@langchain/core/embeddings";'
      : 'const { LocalEmbeddings } = require("langchain-strata/local"); const { Embeddings } = require("@langchain/core/embeddings");';
  const program = `${load}
    const local = new LocalEmbeddings(${JSON.stringify(options)});
    local.embedQuery("Quanto devo arriscar?").then(
      (vector) => console.log(JSON.stringify([local instanceof Embeddings, vector.length, vector[0], local.info.model])),
      (error) => console.log(JSON.stringify({ code: error.code, message: error.message })),
    );`;
  const child = spawnSync(process.execPath, [`--input-type=${format}`, "-e", program], {
    cwd: project,
    encoding: "utf8",
    timeout: 240_000,
  });
  expect(child.stderr).toBe("");
  expect(child.status).toBe(0);
  return JSON.parse(child.stdout);
}

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "strata-local-"));
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    devDependencies: Record<string, string>;
  };
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  install(pack("."), `@langchain/core@${devDependencies["@langchain/core"]}`);
  minilm = pack("models/minilm");
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

// In order: each step installs what the one before it has missed.
describe.sequential("the installed local models", () => {
  test("static: works with nothing beside, through import and require", () => {
    const vector = embed("module", {});
    expect(vector).toEqual([true, 256, expect.any(Number), "static-enpt-256"]);
    expect(embed("commonjs", {})).toEqual(vector);
  });

  test.each(["module", "commonjs"] as const)("minilm: without its package says what to install (%s)", (format) => {
    expect(embed(format, { model: "minilm" })).toEqual({
      code: "MISSING_PEER",
      message: expect.stringContaining("npm install langchain-strata-minilm onnxruntime-node") as string,
    });
  });

  test.each(["module", "commonjs"] as const)("minilm: without the runtime says what to install and how (%s)", (format) => {
    if (format === "module") install(minilm);
    expect(embed(format, { model: "minilm" })).toEqual({
      code: "MISSING_PEER",
      message: expect.stringMatching(/npm install onnxruntime-node.*ONNXRUNTIME_NODE_INSTALL=skip/) as string,
    });
  });

  test("a folder: without the package that reads tokenizers says what to install", () => {
    expect(embed("module", { model: { path: "node_modules/langchain-strata-minilm" } })).toEqual({
      code: "MISSING_PEER",
      message: expect.stringContaining("npm install @huggingface/tokenizers") as string,
    });
  });

  test("minilm: with both works, through import and require, and lets the process end", () => {
    // As installed in this checkout: a download of 290 MB would test no more.
    symlinkSync(join(ROOT, "node_modules/onnxruntime-node"), join(project, "node_modules/onnxruntime-node"));
    const vector = embed("module", { model: "minilm" });
    expect(vector).toEqual([true, 384, expect.any(Number), "minilm-l6-enpt"]);
    expect(embed("commonjs", { model: "minilm" })).toEqual(vector);
  });

  test.each([
    ["is ended", "setTimeout(() => process.exit(0), 300)"],
    ["ends by itself", "setTimeout(() => local.close(), 300)"],
  ])("minilm: a process that %s while a text is embedded ends well", (_how, end) => {
    const program = `import { LocalEmbeddings } from "langchain-strata/local";
      const local = new LocalEmbeddings({ model: "minilm" });
      await local.load();
      local.embedDocuments(Array(300).fill("risk ".repeat(300))).catch(() => undefined);
      ${end};`;
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", program], { cwd: project, encoding: "utf8" });
    expect(child.stderr).toBe("");
    expect(child.status).toBe(0);
  });

  test("minilm: a batch that passes the deadline fails alone, and the process goes on", () => {
    const program = `import { LocalEmbeddings } from "langchain-strata/local";
      const local = new LocalEmbeddings({ model: "minilm", deadline: 1 });
      const outcome = (call) => call.then(() => "done", (error) => error.code);
      console.log(await outcome(local.embedQuery("risk")), await outcome(local.embedQuery("risk")));
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await local.close();
      console.log("closed");`;
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", program], { cwd: project, encoding: "utf8" });
    expect(child.stderr).toBe("");
    expect(child.stdout).toBe("TIMEOUT TIMEOUT\nclosed\n");
    expect(child.status).toBe(0);
  });

  test("minilm: its package holds the model with its licences, and nothing else", () => {
    const listed = JSON.parse(run("npm", ["pack", "--json", "--dry-run"], join(ROOT, "models/minilm"))) as [
      { files: { path: string }[]; unpackedSize: number },
    ];
    expect(listed[0].files.map(({ path }) => path).toSorted()).toEqual([
      ...["LICENSE", "LICENSE.wordnet.txt", "NOTICE.md", "README.md", "config.json", "onnx/model_quantized.onnx", "package.json"],
      ...["tokenizer.json", "tokenizer_config.json", "vocab.txt"],
    ]);
    expect(listed[0].unpackedSize).toBeLessThan(31_000_000);
  });
});
