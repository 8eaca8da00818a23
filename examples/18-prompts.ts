/** Prompts by name and version: what is fixed comes first, so that the provider's own cache serves it; R1's thoughts apart from its answer. */
import { ChatDeepSeek } from "@langchain/deepseek";
import { PromptLibrary, splitThinking, thinkSplitter, tradingPrompts } from "langchain-strata";
import { startDeepSeekStandIn } from "langchain-strata/testing/deepseek-stand-in";

const server = await startDeepSeekStandIn({ delay: 0 });
// For R1: no system prompt, its text moves into the first user message.
const library = new PromptLibrary({ system: "user" }).addAll(tradingPrompts);
const model = new ChatDeepSeek({
  model: "deepseek-reasoner",
  apiKey: "none",
  configuration: { baseURL: server.url },
  callbacks: [library.callback()],
});

const risk = library.get("trading.risk.en");
for (const question of ["How many units?", "What is the ratio?", "What if price gaps?"]) {
  const messages = await risk.formatMessages({ account: "10,000", risk: "1 %", plan: "Long at 100, stop at 98.", question });
  console.log(`${messages.length} message, ${messages[0]?.getType()}`);
  await model.invoke(messages);
}
const { answers, cachedTokens } = library.savings();
console.log(`${answers} answers, ${cachedTokens} prompt tokens were in the provider's cache`);

await risk.formatMessages({ account: "10,000" } as never).catch((error: Error) => console.log(error.message));

console.log(splitThinking("<think>Two and two.</think>\n\nFour."));
const splitter = thinkSplitter();
for (const piece of ["<thi", "nk>Two", " and two.</", "think>Fo", "ur."]) console.log(JSON.stringify(splitter.push(piece)));
await server.close();
