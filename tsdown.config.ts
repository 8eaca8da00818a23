import { defineConfig } from "tsdown";

export default defineConfig({
  // One entry a subpath of `exports` in package.json, then the command line; what needs an optional peer has an entry of its own.
  entry: [
    "src/index.ts",
    "src/redis.ts",
    "src/postgres.ts",
    "src/pglite.ts",
    "src/qdrant.ts",
    "src/local.ts",
    "src/middleware.ts",
    "src/langgraph.ts",
    "src/testing/index.ts",
    "src/testing/deepseek-stand-in/start.ts",
    "src/clients/onnx-worker.ts",
    "src/cli/main.ts",
    "src/cli/demo/restarted.ts",
  ],
  format: ["esm", "cjs"],
  platform: "node",
  target: "node20",
  fixedExtension: false,
  // dist mirrors src: stack traces can be read, and a subpath loads only what it imports.
  unbundle: true,
  shims: true,
  dts: true,
  sourcemap: true,
  publint: { level: "error", strict: true },
  attw: { profile: "node16", level: "error" },
});
