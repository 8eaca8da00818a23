/** Results of tools as entries of the cache. */
import { ToolMessage, type ToolMessageFields } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import type { ResolveControl } from "../cache/call-control.ts";
import { canonicalText } from "../cache/model/request.ts";
import type { CacheRequest, RequestCache } from "../cache/request-cache.ts";
import { prepareReplay, type Replay } from "../cache/response-codec.ts";
import type { Found } from "../cache/tiered-store.ts";
import { StrataConfigError } from "../core/errors.ts";
import { digest } from "../core/key.ts";
import { toPlain, type Json } from "../core/plain.ts";

/** What is kept of a tool's message: everything but whose call it answers. */
const KEPT = ["content", "name", "artifact", "additional_kwargs", "response_metadata"] as const;

/** A call of a tool whose results are kept. */
export interface ToolCall {
  readonly request: CacheRequest;
  readonly startedAt: number;
}

export interface ToolQuestion {
  readonly name: string;
  /** What the model was told of the tool: a tool that changes does not answer with old results. */
  readonly description: unknown;
  readonly schema: unknown;
  readonly args: Readonly<Record<string, unknown>>;
  readonly ttlMs: number | undefined;
}

export class ToolResults {
  readonly #cache: RequestCache;
  readonly #control: ResolveControl;

  constructor(cache: RequestCache, control: ResolveControl) {
    this.#cache = cache;
    this.#control = control;
  }

  /** `undefined` when the call is none of the cache's business. Never throws: the tool is called as if there were no cache. */
  open({ name, description, schema, args, ttlMs }: ToolQuestion, config: RunnableConfig): ToolCall | undefined {
    const startedAt = this.#cache.clock.monotonic();
    try {
      const control = this.#control(config);
      const tool = digest("tool", name, canonicalText([description, schema]));
      const request = this.#cache.accept(tool, canonicalText(args), { ...control, ttlMs: control.ttlMs ?? ttlMs });
      return request && { request, startedAt };
    } catch (error) {
      this.#cache.bypass(error instanceof StrataConfigError ? "bad-control" : "unstorable");
      return undefined;
    }
  }

  /** The message for this call, if its result is kept. */
  async find(call: ToolCall, callId: string): Promise<ToolMessage | undefined> {
    if (call.request.refresh) return undefined;
    const found = await this.#cache.find(call.request);
    try {
      return found && this.#message(call, found, callId);
    } catch {
      // Stored by somebody else under this key: the tool is called, and what it says takes its place.
      return undefined;
    }
  }

  /** @returns what is to be given to `keep` */
  missed({ request, startedAt }: ToolCall): number {
    if (!request.refresh) this.#cache.miss(request, startedAt);
    return this.#cache.clock.monotonic();
  }

  /**
   * Keeps what a tool said, if it may be kept.
   * @returns it, for others who asked the same
   */
  keep({ request }: ToolCall, made: unknown, startedAt: number): Replay | undefined {
    if (!ToolMessage.isInstance(made) || made.status === "error") {
      this.#cache.bypass("not-admitted");
      return undefined;
    }
    try {
      const answer = [{ text: JSON.stringify(plainMessage(made)) }];
      const value = prepareReplay(answer);
      void this.#cache.store(request, { answer, value, generations: [], ms: this.#cache.clock.monotonic() - startedAt });
      return value;
    } catch {
      this.#cache.bypass("unstorable");
      return undefined;
    }
  }

  /** The message for a call that waited for another. */
  shared(call: ToolCall, value: Replay, callId: string): ToolMessage {
    return this.#message(call, { value, tier: "coalesced", expiresAt: undefined, cost: 0 }, callId);
  }

  #message({ request, startedAt }: ToolCall, found: Found<Replay>, callId: string): ToolMessage {
    const stored = JSON.parse(found.value.answer[0]?.text ?? "") as Record<string, Json>;
    const fields = Object.fromEntries(KEPT.filter((field) => field in stored).map((field) => [field, stored[field]]));
    const metadata = fields["response_metadata"] as Record<string, Json> | undefined;
    const strata = { ...this.#cache.hit(request, found, startedAt), savedUsage: {} };
    return new ToolMessage({
      ...fields,
      response_metadata: { ...metadata, strata },
      tool_call_id: callId,
      status: "success",
    } as unknown as ToolMessageFields);
  }
}

function plainMessage(message: ToolMessage): Json {
  const fields = KEPT.map((field) => [field, message[field] as unknown] as const);
  return toPlain(Object.fromEntries(fields.filter(([, value]) => value !== undefined)));
}
