import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { flatIndex } from "../../src/vectors/indexes/flat.ts";
import { describeVectorIndex } from "../../src/testing/describe-vector-index.ts";

const root = mkdtempSync(join(tmpdir(), "strata-vectors-"));
afterAll(() => rmSync(root, { recursive: true }));

describeVectorIndex("flatIndex", ({ clock }) => flatIndex({ clock }));
describeVectorIndex("flatIndex with a folder", ({ clock, place }) => flatIndex({ clock, path: join(root, place) }), {
  persistent: true,
  shared: true,
});
