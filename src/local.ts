/** `langchain-strata/local`: models that run in this process, with no key and no network. */
export { LocalEmbeddings, type LocalEmbeddingsOptions } from "./embeddings/local-embeddings.ts";
export type { ModelFolder } from "./embeddings/local-models.ts";
export type { Pooling } from "./embeddings/onnx-model.ts";
export type { LocalModelInfo } from "./embeddings/text-model.ts";
export { crossEncoderReranker, type CrossEncoderOptions } from "./rerank/rerankers/cross-encoder.ts";
export { lateInteractionReranker, type LateInteractionOptions } from "./rerank/rerankers/late-interaction.ts";
