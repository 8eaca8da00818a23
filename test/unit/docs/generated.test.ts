import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { pages, readPage, ROOT } from "./pages.ts";
import { membersOf, regenerate } from "./source-tables.ts";

describe("what the pages take from the source", () => {
  // `npx vitest run --project unit test/unit/docs -u` writes it anew.
  test.each(pages())("is current in %s", async (page) => {
    await expect(regenerate(readPage(page))).toMatchFileSnapshot(join(ROOT, page));
  });

  test("is written at all", () => {
    expect(pages().filter((page) => readPage(page).includes("<!-- generated: ")).length).toBeGreaterThan(1);
  });

  test("comes with its TSDoc", () => {
    const page = "<!-- generated: fields MemoryTierOptions -->\nstale\n<!-- end -->\n";
    expect(regenerate(page)).toMatch(/\| `maxBytes` \| `ByteSize` \| Bound on .*default 64 MiB\. \|/);
    expect(regenerate(page)).not.toContain("stale");
  });
});

describe("every member has its line", () => {
  test.each([
    ["BypassReason", "docs/guides/cache.md"],
    ["SemanticEventReason", "docs/guides/semantic-cache.md"],
    ["StrataErrorCode", "docs/concepts/failure-modes.md"],
    ["EvictionName", "docs/guides/cache.md"],
  ])("of %s in %s", (union, page) => {
    const text = readPage(page);
    const members = membersOf(union);
    expect(members.length).toBeGreaterThan(1);
    expect(members.filter((member) => !text.includes(`\`${member}\``) && !text.includes(`\`"${member}"\``))).toEqual([]);
  });
});
