import { readFileSync } from "node:fs";

/** As the package says it: its file is as far from here in the checkout as in `dist`. */
const PACKAGE = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { readonly version: string };

export const VERSION: string = PACKAGE.version;
