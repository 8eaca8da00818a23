import { AIMessageChunk } from "@langchain/core/messages";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import { finishReason } from "../admission.ts";
import type { StoredAnswer, StoredMessage } from "../response-codec.ts";

/** Puts the chunks of a stream together, and tells whether they are an answer. */
export class WholeStream {
  // Not the first chunk itself, which its reader changes: LangChain writes the run's id and metadata into it.
  #whole = new ChatGenerationChunk({ text: "", message: new AIMessageChunk({ content: "" }) });
  #chunks = 0;
  #isOne = true;

  add(chunk: ChatGenerationChunk): void {
    this.#chunks++;
    // The candidates of `n > 1` come interleaved, and LangChain joins them into one; that is nobody's answer.
    if (Number(chunk.generationInfo?.["completion"] ?? 0) > 0) this.#isOne = false;
    if (!this.#isOne) return;
    try {
      this.#whole = this.#whole.concat(chunk);
    } catch {
      // Chunks that LangChain itself cannot join. The stream goes on, and is not kept.
      this.#isOne = false;
    }
  }

  /**
   * Whether the stream can be kept. Providers close a broken stream as they close a whole one; what tells the two apart is the
   * finish reason. It is asked of all who say which provider or model answers: small classes of one's own say neither.
   */
  get isComplete(): boolean {
    if (!this.#isOne || this.#chunks === 0) return false;
    const { generationInfo: info, message } = this.#whole;
    const metadata = message.response_metadata as Record<string, unknown>;
    const saysWho = [info, metadata].some((said) => said?.["model_provider"] ?? said?.["model_name"] ?? said?.["model"]);
    return !saysWho || finishReason(info, metadata, message.additional_kwargs) !== undefined;
  }

  get generations(): ChatGenerationChunk[] {
    return [this.#whole];
  }
}

/** What a stream became, in the form that the same answer has when it is not streamed. */
export function asMessages(answer: StoredAnswer): StoredAnswer {
  return answer.map(({ info, message, ...generation }) => {
    const { prompt: _prompt, completion: _completion, ...rest } = info ?? {};
    const { chunk: _chunk, tool_call_chunks: _chunks, ...whole } = message ?? { content: "" };
    return { ...generation, ...(Object.keys(rest).length > 0 && { info: rest }), message: whole as StoredMessage };
  });
}
