/** A hit on disk: TieredCache with the disk tier alone, beside raw LMDB with JSON, and LangChain's LocalFileCache. */
import { LocalFileCache } from "@langchain/classic/cache/file_system";
import { deserializeStoredGeneration, serializeGeneration } from "@langchain/core/caches";
import { diskTier, TieredCache } from "langchain-strata";
import { open } from "lmdb";
import * as crypto from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fresh, prose, provenance, race, table } from "../harness.ts";
import { answer, LLM_KEY } from "./sample-answers.ts";

const ENTRIES = 1000;
const folder = mkdtempSync(join(tmpdir(), "strata-bench-disk-"));

console.log(`${provenance()}\ncommand: npm run bench:disk\n`);
for (const bytes of [2048, 8192]) {
  const prompts = Array.from({ length: ENTRIES }, (_, index) => prose(bytes, `prompt ${index}`));
  const strata = new TieredCache({ tiers: [diskTier({ path: join(folder, `strata-${bytes}`) })] });
  const raw = open<Buffer, Buffer>({ path: join(folder, `raw-${bytes}`), encoding: "binary", keyEncoding: "binary" });
  const files = await LocalFileCache.create(join(folder, `files-${bytes}`));
  const rawKey = (prompt: string): Buffer => crypto.hash("sha256", `${LLM_KEY.length}:${LLM_KEY}${prompt}`, "buffer");
  for (const [index, prompt] of prompts.entries()) {
    const generations = answer(index);
    await strata.update(prompt, LLM_KEY, generations);
    void raw.put(rawKey(prompt), Buffer.from(JSON.stringify(generations.map(serializeGeneration))));
    await files.update(prompt, LLM_KEY, generations);
  }
  await Promise.all([strata.flush(), raw.committed]);

  const timings = await race(
    [
      { name: "TieredCache, disk", run: ({ prompt, llmKey }) => strata.lookup(prompt, llmKey) },
      {
        name: "raw LMDB get + JSON + message",
        run: ({ prompt }) => {
          const stored = JSON.parse(raw.getBinary(rawKey(prompt))?.toString("utf8") ?? "[]") as never[];
          return Promise.resolve(stored.map(deserializeStoredGeneration));
        },
      },
      { name: "LocalFileCache", run: ({ prompt, llmKey }) => files.lookup(prompt, llmKey) },
    ],
    {
      rounds: 10,
      callsPerRound: ENTRIES,
      input: (index) => ({ prompt: fresh(prompts[index] ?? ""), llmKey: fresh(LLM_KEY) }),
    },
  );
  console.log(table(`Disk hit, prompt of ${bytes} bytes, answer of 2 KB`, timings, "TieredCache, disk"));
  await strata.close();
  await raw.close();
}
rmSync(folder, { recursive: true, force: true });
