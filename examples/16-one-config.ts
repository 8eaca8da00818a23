/** The whole system from one file: answers, documents, warm-up, statistics. No server, no key, no network. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createStrata } from "langchain-strata";
import { startDeepSeekStandIn } from "langchain-strata/testing/deepseek-stand-in";

const standIn = await startDeepSeekStandIn({ delay: 0 });
const data = mkdtempSync(join(tmpdir(), "strata-"));
const config = fileURLToPath(new URL("strata.yaml", import.meta.url));
const strata = await createStrata(config, { variables: { DATA: data, KEY: "none", URL: standIn.url } });

try {
  // A question, asked twice, then in other words.
  for (const question of ["What is an order block?", "What is an order block?", "what is an order block"]) {
    const { source, savings } = await strata.chat(question);
    console.log(`${question} -> ${source}${savings.tokens > 0 ? ", tokens saved" : ""}`);
    await strata.cache.flush(); // what is learned is written behind the caller's back; here the next line is to see it
  }

  // A stream gives reasoning and text as they come, and the result last; what was streamed is a hit for chat().
  const pieces = { reasoning: 0, text: 0 };
  for await (const event of strata.stream("What is a stop order?")) {
    if (event.type === "end") console.log(`streamed, cached: ${event.result.cached}`);
    else pieces[event.type]++;
  }
  console.log(`reasoning came: ${pieces.reasoning > 0}, text came: ${pieces.text > 0}`);

  // Documents: texts by id; files and folders with { path }.
  const report = await strata.addContext([
    { id: "risk", text: "Risk at most one percent of the account on each trade." },
    { id: "hours", text: "The desk is open from nine to five, Monday to Friday." },
  ]);
  console.log(`documents: ${report.stored} stored, ${report.failed.length} failed`);
  const [best] = await strata.search("How much may I risk?", { k: 1 });
  console.log(`found: ${best?.pageContent}`);
  const answer = await strata.chat("How much may I risk?", { useContext: { k: 1 } });
  console.log(`answered from: ${answer.documents?.map(({ metadata }) => metadata["documentId"]).join()}`);

  const { filled, hits } = await strata.warmUp(["What is a gap?", "What is a stop order?"]);
  console.log(`warmed: ${filled} new, ${hits} known`);
  const { chat } = await strata.stats();
  console.log(`${chat.questions} questions, ${chat.cached} from the cache; the API was called ${standIn.calls.length} times`);
} finally {
  await strata.close();
  await standIn.close();
  rmSync(data, { recursive: true, force: true });
}
