import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { releaseOnPage } from "./bed.ts";

test("the page names the release of LangChain that is installed", () => {
  const file = new URL("../../../node_modules/@langchain/core/package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { version: string };
  expect(releaseOnPage()).toBe(version);
});
