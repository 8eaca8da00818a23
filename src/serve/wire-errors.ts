/** How each protocol says that something is wrong. None of these holds anything that was sent. */
import type { ContentfulStatusCode } from "hono/utils/http-status";

const OPENAI_TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  429: "rate_limit_error",
  502: "upstream_error",
  503: "unavailable_error",
  504: "upstream_timeout",
};

export function openAiError(status: ContentfulStatusCode, message: string): Response {
  const type = OPENAI_TYPES[status] ?? (status >= 500 ? "server_error" : "invalid_request_error");
  return Response.json({ error: { message, type, param: null, code: null } }, { status });
}

/** Cohere's, v2. */
export function cohereError(status: ContentfulStatusCode, message: string): Response {
  return Response.json({ message }, { status });
}

const TEI_TYPES: Readonly<Record<number, string>> = {
  400: "Empty",
  422: "Validation",
  424: "Backend",
  429: "Overloaded",
  503: "Unhealthy",
};

/** Of Text Embeddings Inference. */
export function teiError(status: ContentfulStatusCode, message: string): Response {
  return Response.json({ error: message, error_type: TEI_TYPES[status] ?? "Validation" }, { status });
}
