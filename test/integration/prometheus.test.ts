/** A real Prometheus scrapes a real process, and answers every query of the dashboard. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { checkRules, startPrometheus, type PrometheusServer } from "../support/servers/prometheus.ts";
import { startTypeScript, type TypeScriptChild } from "../support/typescript-child.ts";

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const RULES = path("monitoring/prometheus-rules.yml");

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const dashboard = JSON.parse(readFileSync(path("monitoring/grafana-dashboard.json"), "utf8")) as {
  readonly panels: readonly Panel[];
};
const queries = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const));

/** What Grafana puts in the place of its variables. */
function filled(expression: string): string {
  return expression.replaceAll("$__rate_interval", "1m").replaceAll("$job", ".*");
}

let child: TypeScriptChild;
let server: PrometheusServer;
let url: string;

beforeAll(async () => {
  child = startTypeScript(path("test/fixtures/metrics-process.ts"));
  const { port } = (await child.next()) as { port: number };
  url = `http://127.0.0.1:${port}/metrics`;
  server = await startPrometheus(`127.0.0.1:${port}`, RULES);
  // A rate needs two scrapes.
  await vi.waitFor(
    async () => {
      const scrapes = await server.query("count_over_time(up[1m])");
      expect(Number(scrapes[0]?.value[1] ?? 0)).toBeGreaterThanOrEqual(4);
    },
    { timeout: 20_000, interval: 200 },
  );
}, 240_000);

afterAll(async () => {
  await server?.stop();
  await child?.kill();
});

describe("a real Prometheus", () => {
  test("takes every sample of a scrape", async () => {
    const up = await server.query('up{job="app"}');
    expect(up.map(({ value }) => value[1])).toEqual(["1"]);
    const { activeTargets } = (await server.get("targets")) as { activeTargets: { lastError: string; health: string }[] };
    expect(activeTargets).toMatchObject([{ health: "up", lastError: "" }]);
  });

  test("has queries to answer", () => expect(queries.length).toBeGreaterThan(25));

  test.each(queries)("answers the query of the panel %s", async (_title, expression) => {
    const found = await server.query(filled(expression));
    expect(found.length, filled(expression)).toBeGreaterThan(0);
    // A quantile of what did not happen within the minute is no number.
    const values = found.map(({ value }) => Number(value[1]));
    expect(values.some((value) => value >= 0)).toBe(true);
    expect(values.filter((value) => value < 0)).toEqual([]);
  });

  test("gives quantiles that are those of the durations", async () => {
    const [recall] = await server.query("histogram_quantile(0.95, sum by (le) (rate(strata_recall_seconds_bucket[1m])))");
    // Every recall took 8 ms; its bucket reaches from 4.1 to 8.2 ms.
    expect(Number(recall?.value[1])).toBeGreaterThan(0.004);
    expect(Number(recall?.value[1])).toBeLessThan(0.0083);
  });

  test("has loaded the alert rules, and evaluates each without a fault", async () => {
    await checkRules(RULES);
    const { groups } = (await server.get("rules")) as {
      groups: { rules: { name: string; health: string; lastError?: string }[] }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    expect(rules.length).toBeGreaterThanOrEqual(8);
    expect(rules.filter(({ health }) => health !== "ok")).toEqual([]);
  });

  test("may scrape a thousand times in a second", async () => {
    const start = performance.now();
    const texts = await Promise.all(Array.from({ length: 1_000 }, async () => (await fetch(url)).text()));
    const distinct = new Set(texts).size;
    // A text is made anew every 100 ms at most.
    expect(distinct).toBeLessThanOrEqual(Math.ceil((performance.now() - start) / 100) + 1);
    expect(texts.every((text) => text.includes("strata_cache_lookups_total"))).toBe(true);
  });
});

/**
 * What Grafana reads of a dashboard, after the fields of its own documentation of the format
 * (https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/).
 */
const SCHEMA = {
  type: "object",
  required: ["id", "uid", "title", "schemaVersion", "time", "templating", "annotations", "panels", "refresh"],
  properties: {
    id: { type: "null" },
    uid: { type: "string", pattern: "^[a-zA-Z0-9_-]{1,40}$" },
    title: { type: "string", minLength: 1 },
    schemaVersion: { type: "integer", minimum: 36 },
    time: { type: "object", required: ["from", "to"], properties: { from: { type: "string" }, to: { type: "string" } } },
    annotations: { type: "object", required: ["list"], properties: { list: { type: "array" } } },
    templating: {
      type: "object",
      required: ["list"],
      properties: {
        list: {
          type: "array",
          items: { type: "object", required: ["name", "type", "query"], properties: { type: { enum: ["datasource", "query"] } } },
        },
      },
    },
    panels: {
      type: "array",
      items: {
        type: "object",
        required: ["id", "type", "title", "gridPos"],
        properties: {
          id: { type: "integer" },
          type: { enum: ["row", "timeseries", "stat"] },
          gridPos: {
            type: "object",
            required: ["x", "y", "w", "h"],
            properties: {
              x: { type: "integer", minimum: 0, maximum: 23 },
              y: { type: "integer", minimum: 0 },
              w: { type: "integer", minimum: 1, maximum: 24 },
              h: { type: "integer", minimum: 1 },
            },
          },
          fieldConfig: { type: "object", required: ["defaults", "overrides"] },
          targets: { type: "array", items: { type: "object", required: ["refId", "expr", "datasource"] } },
        },
        if: { properties: { type: { const: "row" } } },
        else: { required: ["targets", "fieldConfig", "datasource", "options"] },
      },
    },
  },
};

describe("the Grafana file", () => {
  test("has the form of a dashboard", () => {
    const validate = new Ajv({ allErrors: true, strict: false }).compile(SCHEMA);
    validate(dashboard);
    expect(validate.errors).toBeNull();
  });

  test("has no panel over another, and no id twice", () => {
    const panels = dashboard.panels as unknown as { id: number; gridPos: Record<"x" | "y" | "w" | "h", number> }[];
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });
});
