/** `langchain-strata/opentelemetry`: traces and metrics for OpenTelemetry. Needs `@opentelemetry/api`. */
export { openTelemetry, type OpenTelemetryExporter, type OpenTelemetryOptions } from "./observability/exporters/opentelemetry.ts";
export type { ChatSpans } from "./observability/exporters/chat-spans.ts";
