import fc from "fast-check";
import { expect, test } from "vitest";
import { chunkText, parseSplit } from "../../../src/rag/chunk-text.ts";

test("a short text is one chunk, white space is none", () => {
  expect(chunkText("  hello  ", parseSplit("split", {}))).toEqual(["hello"]);
  expect(chunkText(" \n ", parseSplit("split", {}))).toEqual([]);
});

test("cuts before headings first, then between paragraphs, then sentences", () => {
  const split = { size: 60, overlap: 0 };
  expect(
    chunkText(`Some words of the beginning.\n\nMore of them.\n# Heading\nWhat is under the heading goes on.`, split),
  ).toEqual(["Some words of the beginning.\n\nMore of them.", "# Heading\nWhat is under the heading goes on."]);
  expect(chunkText("A first sentence that is long enough. A second one that follows it.", split)).toEqual([
    "A first sentence that is long enough.",
    "A second one that follows it.",
  ]);
});

test("a chunk begins with the last sentences of the one before, as many as there is room for", () => {
  const text = Array.from({ length: 12 }, (_, index) => `Sentence number ${index}.`).join(" ");
  const chunks = chunkText(text, { size: 100, overlap: 40 });
  for (const [index, chunk] of chunks.slice(1).entries()) {
    const first = chunk.slice(0, chunk.indexOf(".") + 1);
    expect(chunks[index]).toContain(first);
  }
});

test("loses no word, exceeds no size, splits no character, and ends", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.lorem(), fc.constant("\n\n"), fc.string({ unit: "grapheme" })), { maxLength: 60 }),
      fc.integer({ min: 50, max: 200 }),
      (parts, size) => {
        const text = parts.join(" ").toWellFormed();
        const split = parseSplit("split", { size, overlap: Math.floor(size / 5) });
        const chunks = chunkText(text, split);
        for (const chunk of chunks) {
          expect(chunk.length).toBeLessThanOrEqual(size);
          expect(chunk.isWellFormed()).toBe(true);
        }
        const all = chunks.join(" ");
        for (const word of text.split(/\s+/)) if (word.length < size / 4) expect(all).toContain(word);
      },
    ),
  );
});
