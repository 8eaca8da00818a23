/**
 * What each policy decides on pairs of questions from the trading and programming assistants that this library grew from, new,
 * with the static local embeddings: `npx tsx benchmarks/quality/semantic-examples.ts`. Prints a table.
 */
import { LocalEmbeddings } from "../../src/embeddings/local-embeddings.ts";
import { calibratedPolicy } from "../../src/cache/semantic/policies/calibrated.ts";
import { staticPolicy } from "../../src/cache/semantic/policies/static.ts";
import { provenance } from "../harness.ts";

const PAIRS: readonly (readonly [string, string])[] = [
  ["O que são Order Blocks?", "o que são order blocks"],
  ["O que são Order Blocks?", "Explique Order Blocks no trading"],
  ["O que são Order Blocks?", "O que são Breaker Blocks?"],
  ["Como identificar um order block de alta?", "Como identificar um order block de baixa?"],
  ["Como implementar autenticação JWT em Python?", "JWT Python implementação"],
  ["Como implementar autenticação JWT em Python?", "Em Python, como implementar autenticação JWT?"],
  ["Como implementar autenticação JWT em Python?", "Como implementar autenticação JWT em Java?"],
  ["Como implementar autenticação JWT em Python?", "Como implementar autenticação OAuth em Python?"],
  ["Como implementar autenticação JWT em Python?", "How to implement JWT authentication in Python?"],
  ["Qual o melhor stop para um trade de 5 minutos?", "Qual o melhor stop para um trade de 15 minutos?"],
  ["Como faço para trocar minha senha?", "Como trocar a senha?"],
  ["Quando comprar bitcoin?", "Quando vender bitcoin?"],
];

const embeddings = new LocalEmbeddings({ model: "static" });
const policies = [staticPolicy(), calibratedPolicy({ random: () => 1 })];
console.log(`${provenance()}\n`);
console.log("| asked now | asked earlier | cosine | policy | decision | why |");
console.log("| --- | --- | ---: | --- | --- | --- |");
for (const [text, earlier] of PAIRS) {
  const [a, b] = await embeddings.embedDocuments([text, earlier]);
  const similarity = a!.reduce((sum, x, at) => sum + x * b![at]!, 0);
  for (const policy of policies) {
    const { action, reason } = policy.decide({ text, population: "examples" }, [{ entryId: "e", text: earlier, similarity }]);
    console.log(`| ${[text, earlier, similarity.toFixed(3), policy.name, action, reason].join(" | ")} |`);
  }
}
await embeddings.close();
