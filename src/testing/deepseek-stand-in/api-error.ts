/**
 * Errors in the shape of the API: `{ "error": { message, type, param, code } }`.
 *
 * The messages of 400, 401, 402, 429 and 503 are those that users of the live API reported, word for word. No report of a JSON
 * body of 500 was found; the documented cause stands in for it.
 */
export type ErrorStatus = 400 | 401 | 402 | 404 | 405 | 413 | 422 | 429 | 500 | 503;

export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: ErrorStatus;
  readonly #type: string;
  readonly #code: string;

  constructor(status: ErrorStatus, message: string = DEFAULTS[status].message) {
    super(message);
    this.status = status;
    this.#type = DEFAULTS[status].type;
    this.#code = status === 503 ? "service_unavailable_error" : "invalid_request_error";
  }

  body(): string {
    return JSON.stringify({ error: { message: this.message, type: this.#type, param: null, code: this.#code } });
  }
}

/** What a request is refused with when it does not have the shape of one: the words of the API's own parser. */
export function shapeError(status: 400 | 422, reason: string): ApiError {
  return new ApiError(status, `Failed to deserialize the JSON body into the target type: ${reason}`);
}

const DEFAULTS: Readonly<Record<ErrorStatus, { readonly message: string; readonly type: string }>> = {
  400: { message: "Invalid request", type: "invalid_request_error" },
  401: { message: "Authentication Fails, Your api key: ****-key is invalid", type: "authentication_error" },
  402: { message: "Insufficient Balance", type: "unknown_error" },
  404: { message: "Not Found", type: "invalid_request_error" },
  405: { message: "Method Not Allowed", type: "invalid_request_error" },
  413: { message: "Failed to buffer the request body: length limit exceeded", type: "invalid_request_error" },
  422: {
    message: "Failed to deserialize the JSON body into the target type: invalid parameters",
    type: "invalid_request_error",
  },
  429: {
    message:
      "Too many requests. Your current concurrency is 6, which exceeds your concurrency limit of 5 based on your remaining " +
      "balance. Please top up your balance to restore your concurrency.",
    type: "rate_limit_error",
  },
  500: { message: "Internal Server Error", type: "internal_error" },
  503: {
    message: "Service is too busy. We advise users to temporarily switch to alternative LLM API service providers.",
    type: "service_unavailable_error",
  },
};
