/** Vectors with no key and no network: a question in Portuguese finds the English note that answers it. */
import { MemoryVectorStore } from "@langchain/classic/vectorstores/memory";
import { LocalEmbeddings } from "langchain-strata/local";

const embeddings = new LocalEmbeddings(); // the static table; { model: "minilm" } is the transformer
const { model, dimensions, languages } = embeddings.info;
console.log(`${model}: ${dimensions} dimensions, ${languages.join(" and ")}`);

const notes = await MemoryVectorStore.fromTexts(
  [
    "Risk at most one percent of the account on each trade.",
    "The office is closed on public holidays.",
    "Invoices are paid within 30 days.",
  ],
  [{}, {}, {}],
  embeddings,
);
for (const question of [
  "How much may I risk per trade?",
  "Quando o escritório está fechado?",
  "Em quantos dias pagam as faturas?",
]) {
  const [found] = await notes.similaritySearchWithScore(question, 1);
  console.log(`${question} -> ${found?.[0].pageContent}`);
}

const vectors = await embeddings.embedDocuments(["cancel my order", "cancelar o meu pedido", "你好", ""]);
const cosine = (a = 0, b = 0): string =>
  vectors[a]!.reduce((sum, value, index) => sum + value * vectors[b]![index]!, 0).toFixed(1);
console.log(`a translation: ${cosine(0, 1)}; a language that it does not know: ${cosine(0, 2)}; nothing: ${cosine(0, 3)}`);
