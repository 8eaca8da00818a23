/** Two processes, one folder: what the first one asked, the second one finds on disk. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ChatDeepSeek } from "@langchain/deepseek";
import { diskTier, memoryTier, TieredCache, type HitMetadata } from "langchain-strata";
import { startDeepSeekStandIn } from "langchain-strata/testing/deepseek-stand-in";

const [name, folder, url] = process.argv.slice(2);
if (name !== undefined && folder !== undefined && url !== undefined) await ask(name, folder, url);
else await runTwice();

/** What each process does. The tiers are those that a cache has by default, in a folder of the example's own. */
async function ask(name: string, folder: string, url: string): Promise<void> {
  const cache = new TieredCache({ tiers: [memoryTier({ maxBytes: "32mb" }), diskTier({ path: folder, maxBytes: "500mb" })] });
  const model = new ChatDeepSeek({ model: "deepseek-reasoner", apiKey: "none", cache, configuration: { baseURL: url } });
  for (let round = 0; round < 2; round++) {
    const answer = await model.invoke("Quanto devo arriscar por operação?");
    const hit = answer.response_metadata["strata"] as HitMetadata | undefined;
    console.log(`${name} process, call ${round + 1}: answered by ${hit?.tier ?? "the model"}`);
  }
  // Writes to the disk follow behind. A process that ends waits for them here; `kill -9` loses the last ones at most.
  await cache.close();
}

async function runTwice(): Promise<void> {
  const standIn = await startDeepSeekStandIn();
  const folder = mkdtempSync(join(tmpdir(), "strata-example-"));
  try {
    for (const name of ["first", "second"]) {
      await once(fork(fileURLToPath(import.meta.url), [name, folder, standIn.url]), "exit");
    }
    console.log(`both processes together called the API ${standIn.calls.length} time`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await standIn.close();
  }
}
