/** A span for each call of a chat model, by LangChain's callbacks, with the attributes that the GenAI conventions have for it. */
import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { Serialized } from "@langchain/core/load/serializable";
import type { BaseMessage } from "@langchain/core/messages";
import type { ChatGeneration, LLMResult } from "@langchain/core/outputs";
import {
  SpanKind,
  SpanStatusCode,
  type Attributes,
  type Histogram,
  type Meter,
  type Span,
  type Tracer,
} from "@opentelemetry/api";
import { LRUCache } from "lru-cache";
import type { Clock } from "../../core/clock.ts";
import { hitOf } from "../../cache/response-codec.ts";

interface OpenCall {
  readonly span: Span;
  readonly startedAt: number;
  readonly labels: Attributes;
}

/** Calls under way at once; the span of one that is never told to have ended is let go. */
const MAX_OPEN = 10_000;

/** LangChain's names of providers, as the conventions write them; others stay as they are. */
const PROVIDERS: Readonly<Record<string, string>> = {
  mistralai: "mistral_ai",
  "google-genai": "gcp.gemini",
  google_genai: "gcp.gemini",
  xai: "x_ai",
};

/** Callbacks for chat models; give it to a call or a model as one of its `callbacks`. */
export class ChatSpans extends BaseCallbackHandler {
  override readonly name = "langchain-strata-opentelemetry";
  /** A span must begin before the model does. */
  override readonly awaitHandlers = true;
  readonly #tracer: Tracer;
  readonly #duration: Histogram;
  readonly #tokens: Histogram;
  readonly #clock: Clock;
  readonly #open = new LRUCache<string, OpenCall>({
    max: MAX_OPEN,
    dispose: ({ span }, _run, reason) => reason === "evict" && span.end(),
  });

  /** Made by `openTelemetry()`. */
  constructor(tracer: Tracer, duration: Histogram, meter: Meter, clock: Clock) {
    super();
    this.#tracer = tracer;
    this.#duration = duration;
    this.#tokens = meter.createHistogram("gen_ai.client.token.usage", {
      unit: "{token}",
      description: "Tokens that a call used",
    });
    this.#clock = clock;
  }

  override handleChatModelStart(
    _model: Serialized,
    _messages: BaseMessage[][],
    runId: string,
    _parentRunId?: string,
    _extra?: Record<string, unknown>,
    _tags?: string[],
    metadata?: Record<string, unknown>,
  ): void {
    const model = textOf(metadata?.["ls_model_name"]);
    const provider = textOf(metadata?.["ls_provider"]);
    const labels: Attributes = {
      "gen_ai.operation.name": "chat",
      ...(provider !== undefined && { "gen_ai.provider.name": PROVIDERS[provider] ?? provider }),
      ...(model !== undefined && { "gen_ai.request.model": model }),
    };
    const attributes: Attributes = { ...labels };
    const [temperature, most] = [metadata?.["ls_temperature"], metadata?.["ls_max_tokens"]];
    if (typeof temperature === "number") attributes["gen_ai.request.temperature"] = temperature;
    if (typeof most === "number") attributes["gen_ai.request.max_tokens"] = most;
    const name = model === undefined ? "chat" : `chat ${model}`;
    const span = this.#tracer.startSpan(name, { kind: SpanKind.CLIENT, startTime: this.#clock.now(), attributes });
    this.#open.set(runId, { span, labels, startedAt: this.#clock.monotonic() });
  }

  override handleLLMEnd(output: LLMResult, runId: string): void {
    const call = this.#take(runId);
    if (call === undefined) return;
    const message = (output.generations[0]?.[0] as Partial<ChatGeneration> | undefined)?.message;
    const metadata = message?.response_metadata ?? {};
    const { span } = call;
    const model = textOf(metadata["model_name"]) ?? textOf(metadata["model"]);
    if (model !== undefined) span.setAttribute("gen_ai.response.model", model);
    const reason = textOf(metadata["finish_reason"]) ?? textOf(metadata["stop_reason"]);
    if (reason !== undefined) span.setAttribute("gen_ai.response.finish_reasons", [reason]);
    const hit = message === undefined ? undefined : hitOf(message);
    if (hit !== undefined) {
      span.setAttributes({
        "strata.hit": true,
        "strata.source": hit.source,
        "strata.tier": hit.tier,
        "strata.hit_id": hit.hitId,
      });
    }
    const usage = (message as { usage_metadata?: { input_tokens?: number; output_tokens?: number } } | undefined)?.usage_metadata;
    for (const type of ["input", "output"] as const) {
      const count = usage?.[`${type}_tokens`];
      if (typeof count !== "number") continue;
      span.setAttribute(`gen_ai.usage.${type}_tokens`, count);
      // A hit used none; a zero would say that a model was asked.
      if (hit === undefined) this.#tokens.record(count, { ...call.labels, "gen_ai.token.type": type });
    }
    this.#finish(call, {
      ...(model !== undefined && { "gen_ai.response.model": model }),
      ...(hit !== undefined && { "strata.hit": true }),
    });
  }

  override handleLLMError(error: unknown, runId: string): void {
    const call = this.#take(runId);
    if (call === undefined) return;
    // The class of an error, never its message, in which providers quote what they were sent.
    const type = error instanceof Error ? error.name : "_OTHER";
    call.span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute("error.type", type);
    this.#finish(call, { "error.type": type });
  }

  #take(runId: string): OpenCall | undefined {
    const call = this.#open.get(runId);
    this.#open.delete(runId);
    return call;
  }

  #finish({ span, startedAt, labels }: OpenCall, more: Attributes): void {
    const ms = this.#clock.monotonic() - startedAt;
    span.end(this.#clock.now());
    this.#duration.record(ms / 1000, { ...labels, ...more });
  }
}

export function chatSpans(tracer: Tracer, duration: Histogram, meter: Meter, clock: Clock): ChatSpans {
  return new ChatSpans(tracer, duration, meter, clock);
}

/** Names of models, providers and reasons are short. */
const LONGEST = 100;

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value.length > 0 && value.length <= LONGEST ? value : undefined;
}
