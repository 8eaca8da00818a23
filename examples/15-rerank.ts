/** Documents in a better order, offline: a local model first, words if it is not there; what moved, and what the second call costs. */
import { Document } from "@langchain/core/documents";
import { lexicalReranker, renderRerankText, RerankCompressor } from "langchain-strata";
import { lateInteractionReranker } from "langchain-strata/local";

const texts = [
  "Refunds of shipping costs are not possible.",
  "Our offices in Lisbon and Porto are open from nine to six.",
  "You can get your money back within 30 days of the purchase.",
  "The money that you pay is charged when the order is sent.",
  "Gift cards do not expire.",
];
const documents = texts.map((pageContent, each) => new Document({ pageContent, id: `faq-${each}` }));

const compressor = new RerankCompressor({
  reranker: [lateInteractionReranker(), lexicalReranker()],
  topK: 2,
  deadline: "30s",
  fusion: { method: "none" },
});
const query = "How do I return something and get a refund?";
for (const { id, metadata } of await compressor.compressDocuments(documents, query)) {
  const { rank, previousRank } = metadata["rerank"] as { rank: number; previousRank: number };
  console.log(`${rank}. ${id}, was ${previousRank}.`);
}

console.log(renderRerankText(await compressor.explain(query, documents), { width: 90 }));
await compressor.compressDocuments(documents, query);
const { asked, cached } = compressor.stats();
console.log(`scores asked for: ${asked}, known: ${cached}`);
await compressor.close();
