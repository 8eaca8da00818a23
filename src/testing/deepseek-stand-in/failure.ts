import type { ErrorStatus } from "./api-error.ts";
import type { Token } from "./completion.ts";
import type { FinishReason } from "./protocol.ts";

/**
 * What can be scripted to go wrong with one call:
 *
 * - `status`: refused with that status and the API's body for it. `retryAfter` (seconds) adds the header, which the live API does
 *   not send.
 * - `hang`: accepted and never answered; `"keep-alive"` goes on sending the blank lines (or SSE comments) of a queued request,
 *   which reset every idle timeout.
 * - `cut`: a stream ends after that many chunks; an answer that is not streamed ends in its middle. `how: "reset"` (default)
 *   drops the connection, which a client notices; `"end"` closes the response in good order, which a client that trusts the end
 *   of the response takes for the whole answer.
 * - `finish`: the answer is broken off after its reasoning and a third of the rest, with that finish reason.
 * - `empty`: the answer has no content, with a finish reason of `stop`. The API documents this for JSON output.
 */
export type StandInFailure =
  | { readonly status: ErrorStatus; readonly retryAfter?: number; readonly message?: string }
  | { readonly hang: "silent" | "keep-alive" }
  | { readonly cut: number; readonly how?: "reset" | "end" }
  | { readonly finish: Exclude<FinishReason, "stop" | "tool_calls"> }
  | { readonly empty: true };

/** Applies the failures that change an answer; the others happen to the connection. */
export function damage(
  answer: { tokens: Token[]; finish: FinishReason },
  failure: StandInFailure | undefined,
): { tokens: Token[]; finish: FinishReason } {
  if (failure === undefined) return answer;
  const reasoning = answer.tokens.filter(({ kind }) => kind === "reasoning");
  if ("empty" in failure) return { tokens: reasoning, finish: "stop" };
  if (!("finish" in failure)) return answer;
  const rest = answer.tokens.slice(reasoning.length);
  return { tokens: [...reasoning, ...rest.slice(0, Math.floor(rest.length / 3))], finish: failure.finish };
}
