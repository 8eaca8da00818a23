import { FakeEmbeddings } from "@langchain/core/utils/testing";
import { expect, test } from "vitest";
import { parseRetrieverOptions } from "../../../src/memory/retriever-options.ts";
import type { TurnSource } from "../../../src/memory/turns/turn-source.ts";

const store: TurnSource = {
  position: () => Promise.resolve("1"),
  sessions: () => Promise.resolve([]),
  turns: () => Promise.resolve({ turns: [] }),
};

test("a retriever takes the embeddings of its store, unless it is given its own", () => {
  const stores = new FakeEmbeddings();
  const own = new FakeEmbeddings();
  expect(parseRetrieverOptions({ store: { ...store, embeddings: stores } }).embeddings).toBe(stores);
  expect(parseRetrieverOptions({ store: { ...store, embeddings: stores }, embeddings: own }).embeddings).toBe(own);
  expect(parseRetrieverOptions({ store }).embeddings).toBeUndefined();
});
