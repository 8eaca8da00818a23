/** `langchain-strata/prometheus`: metrics for Prometheus. Needs `prom-client`. */
export { prometheus, type PrometheusExporter, type PrometheusOptions } from "./observability/exporters/prometheus.ts";
