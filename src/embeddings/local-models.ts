/** The models of this package, and the folder of each. */
import { fileURLToPath } from "node:url";
import type { StaticModelSource } from "./static-model.ts";

/**
 * In the package, beside `dist` and in a checkout beside `src`: both lie equally deep.
 *
 * The checksums stand here and not beside the files: what is refused is a file that is not the measured one.
 */
export function staticSource(): StaticModelSource {
  return {
    folder: fileURLToPath(new URL("../../models/static-enpt-256", import.meta.url)),
    info: {
      model: "static-enpt-256",
      dimensions: 256,
      languages: ["en", "pt"],
      license: "Apache-2.0",
      sha256: STATIC_CHECKSUMS["table.i8"],
      maxTokens: undefined,
    },
    checksums: STATIC_CHECKSUMS,
  };
}

const STATIC_CHECKSUMS = {
  "table.i8": "1a916cf878ad7737693063f7b47c33b1ee5d68c7fe711051213481765fdc63f9",
  "scale.f32": "0317e84b3d3e72a0b8844986fac2b45bb089290288e1da742fcf5381de3126b8",
  "vocab.txt": "0b38b6c8e44be34683f1a7992c749858c70a6eca7d58dbbf2cb3bfa66e25f328",
} as const;
