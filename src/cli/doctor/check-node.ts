import * as zlib from "node:zlib";
import { absent, broken, ok, type Finding } from "./finding.ts";

/** @param version for tests */
export function checkNode(version: string = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return ok("Node.js", version);
  return broken("Node.js", version, "install Node.js 20.19 or later");
}

export function checkZstd(): Finding {
  if ("zstdCompress" in zlib) return ok("zstd", "in this Node");
  return absent("zstd", "not in this Node; brotli is used", "nothing, or Node.js 22.15 or later");
}
