import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { defineConfig, type UserConfig } from "tsdown";

const library: UserConfig = {
  // One entry a subpath of `exports` in package.json, then the command line; what needs an optional peer has an entry of its own.
  entry: [
    "src/index.ts",
    "src/redis.ts",
    "src/postgres.ts",
    "src/pglite.ts",
    "src/qdrant.ts",
    "src/local.ts",
    "src/cohere.ts",
    "src/middleware.ts",
    "src/dashboard.ts",
    "src/langgraph.ts",
    "src/prometheus.ts",
    "src/opentelemetry.ts",
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
};

/** The web app of the dashboard: one script and one sheet, with everything that they need, so that it works without a network. */
const app: UserConfig = {
  entry: { app: "web/main.tsx" },
  outDir: "dist/dashboard",
  format: "esm",
  platform: "browser",
  target: "es2022",
  tsconfig: "web/tsconfig.json",
  deps: { alwaysBundle: [/./] },
  minify: true,
  dts: false,
  sourcemap: false,
  outputOptions: { entryFileNames: "app.js" },
  hooks: {
    "build:done": () => {
      const chart = readFileSync("node_modules/uplot/dist/uPlot.min.css", "utf8");
      writeFileSync("dist/dashboard/app.css", chart + readFileSync("web/app.css", "utf8"));
      for (const name of ["index.html", "icon.svg"]) copyFileSync(`web/${name}`, `dist/dashboard/${name}`);
    },
  },
};

export default defineConfig([library, app]);
