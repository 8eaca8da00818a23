import { defineConfig } from "tsdown";

export default defineConfig({
  // One entry a subpath of `exports` in package.json; what needs an optional peer has an entry of its own.
  entry: ["src/index.ts"],
  format: ["esm", "cjs"],
  platform: "node",
  target: "node20",
  fixedExtension: false,
  unbundle: true,
  dts: true,
  sourcemap: true,
  publint: { level: "error", strict: true },
  attw: { profile: "node16", level: "error" },
  unused: { level: "error" },
});
