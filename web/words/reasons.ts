/** The reasons of semantic decisions in plain words; what is not named here is shown as it came. */
import type { SemanticEventReason } from "../../src/core/events.ts";

type Reasons = Readonly<Record<SemanticEventReason, string>>;

const en: Reasons = {
  "known-question": "asked in these words before",
  similar: "similar enough to serve",
  verified: "a verifier agreed",
  adapted: "rewritten for this question",
  rollout: "the rollout does not serve this call",
  audit: "held back to be compared with the model",
  "no-candidates": "nothing like it is known",
  "not-similar": "not similar enough",
  veto: "a hard veto fired",
  "no-verifier": "would need a verifier",
  rejected: "a verifier disagreed",
  "no-adapter": "would need an adapter",
  "not-adapted": "could not be adapted",
  "told-wrong": "people said this answer was wrong",
  "no-question": "there is no question in it",
  empty: "the question is empty",
  "too-long": "the question is too long",
  "tool-result": "it answers a tool",
  "structured-output": "it asks for structured output",
  "unclear-roles": "who speaks is unclear",
  "embeddings-failed": "the embedding model failed",
  "index-failed": "the vector index failed",
  "policy-failed": "the policy failed",
  "verifier-failed": "the verifier failed",
  "adapter-failed": "the adapter failed",
  "step-failed": "the semantic step failed",
};

const pt: Reasons = {
  "known-question": "já perguntada com estas palavras",
  similar: "similar o bastante para servir",
  verified: "um verificador concordou",
  adapted: "reescrita para esta pergunta",
  rollout: "a liberação gradual não serve esta chamada",
  audit: "retida para comparar com o modelo",
  "no-candidates": "nada parecido é conhecido",
  "not-similar": "não é similar o bastante",
  veto: "um veto foi acionado",
  "no-verifier": "precisaria de um verificador",
  rejected: "um verificador discordou",
  "no-adapter": "precisaria de um adaptador",
  "not-adapted": "não pôde ser adaptada",
  "told-wrong": "pessoas disseram que a resposta estava errada",
  "no-question": "não há pergunta nela",
  empty: "a pergunta está vazia",
  "too-long": "a pergunta é longa demais",
  "tool-result": "responde a uma ferramenta",
  "structured-output": "pede saída estruturada",
  "unclear-roles": "não está claro quem fala",
  "embeddings-failed": "o modelo de embeddings falhou",
  "index-failed": "o índice vetorial falhou",
  "policy-failed": "a política falhou",
  "verifier-failed": "o verificador falhou",
  "adapter-failed": "o adaptador falhou",
  "step-failed": "a etapa semântica falhou",
};

export const reasons: Readonly<Record<"en" | "pt", Reasons>> = { en, pt };
