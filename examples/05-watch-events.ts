/** What happens, event by event, also when the disk cannot be used: the calls go on, and the events tell. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChatDeepSeek } from "@langchain/deepseek";
import { diskTier, memoryTier, TieredCache, type StrataEvent } from "langchain-strata";
import { startDeepSeekStandIn } from "langchain-strata/testing/deepseek-stand-in";

/** One line an event. No event holds a prompt, an answer or a scope, so that they can go to any log. */
function log(event: StrataEvent): void {
  const { type, ...rest } = event;
  const fields = Object.entries(rest).flatMap(([name, value]) => {
    if (typeof value === "number") return `${name}=${value.toFixed(0)}`;
    return typeof value === "string" || typeof value === "boolean" ? `${name}=${value}` : [];
  });
  console.log(`  ${type.padEnd(13)} ${fields.join(" ")}`);
}

const folder = mkdtempSync(join(tmpdir(), "strata-example-"));
const standIn = await startDeepSeekStandIn({ delay: 0 });

async function askTwice(path: string): Promise<void> {
  const cache = new TieredCache({ tiers: [memoryTier(), diskTier({ path })], observer: log });
  const model = new ChatDeepSeek({ model: "deepseek-reasoner", apiKey: "none", cache, configuration: { baseURL: standIn.url } });
  for (const question of ["What is liquidity?", "What is liquidity?"]) {
    const answer = await model.invoke(question);
    console.log(`answer: ${answer.text.slice(0, 40)}…`);
  }
  await cache.flush();
  for (const { name, state, hits, entries, faults } of cache.stats().tiers) {
    console.log(`tier ${name}: ${state}, ${hits} hits, ${entries ?? "?"} entries, ${faults} faults`);
  }
  await cache.close();
}

try {
  console.log("A folder that works:");
  await askTwice(join(folder, "cache"));

  console.log("A path that is a file, not a folder:");
  writeFileSync(join(folder, "file"), "not a folder");
  await askTwice(join(folder, "file"));
} finally {
  rmSync(folder, { recursive: true, force: true });
  await standIn.close();
}
