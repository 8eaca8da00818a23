import { Document } from "@langchain/core/documents";
import { describe, expect, test } from "vitest";
import { RerankCompressor } from "../../../src/rerank/rerank-compressor.ts";
import type { RerankReport } from "../../../src/rerank/rerank-report.ts";
import { renderRerankHtml } from "../../../src/rerank/reports/html.ts";
import { renderRerankText } from "../../../src/rerank/reports/terminal.ts";
import { fakeReranker } from "../../support/fake-reranker.ts";

async function report(texts: readonly string[], query = "q"): Promise<RerankReport> {
  const reranker = fakeReranker();
  const compressor = new RerankCompressor({
    reranker,
    candidates: 4,
    topK: 2,
    threshold: 0.5,
    minKept: 2,
    fusion: { method: "none" },
  });
  return compressor.explain(
    query,
    texts.map((pageContent, at) => new Document({ pageContent, id: `d${at}`, metadata: { score: 9 - at } })),
  );
}

describe("a report", () => {
  test("tells of every document where it went, and why", async () => {
    const { rows, ...head } = await report(["text 10", "text 20", "text 90", "text 30", "text 99"]);
    expect(head).toMatchObject({
      ...{ outcome: "reranked", reason: "always", policy: "always", reranker: "fake", threshold: 0.5, candidates: 5, depth: 4 },
      ...{ asked: 4, cached: 0, searches: 1, tokens: 10, faults: [] },
    });
    expect(rows.map(({ id, rank, previousRank, verdict }) => [id, rank, previousRank, verdict])).toEqual([
      ["d2", 1, 3, "kept"],
      ["d3", 2, 4, "kept-minimum"],
      ["d1", 3, 2, "beyond-top"],
      ["d0", 4, 1, "beyond-top"],
      ["d4", 5, 5, "beyond-candidates"],
    ]);
    expect(rows[0]).toMatchObject({ firstScore: 7, rawScore: 0.9, score: 0.9, snippet: "text 90" });
    expect(JSON.parse(JSON.stringify({ rows }))).toMatchObject({ rows: [{ id: "d2" }, {}, {}, {}, {}] });
  });

  test("shows it as text, within the width, with nothing that steers a terminal", async () => {
    const text = renderRerankText(await report(["text 90 \u001b[31mred\u001b[0m \u202e", `text 80 ${"long ".repeat(90)}`]), {
      width: 80,
    });
    expect(text).toContain("Kept (2)");
    expect(text).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
    expect(Math.max(...text.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(text).toMatch(/ {4}1 {4}1 {5}= {5}9\.000 {5}0\.900/);
  });

  test("shows it as one page that loads nothing, runs nothing, and escapes every text", async () => {
    const evil = `<script>alert(1)</script><img src=x onerror=alert(1)> "quoted" & 'single'`;
    const html = renderRerankHtml(await report([`text 90 ${evil}`, "text 10"], evil));
    expect(html).not.toMatch(/<script|<img|<link|<iframe|https?:|\son\w+=[^a]/);
    expect(html).toContain(
      "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt; &quot;quoted&quot; &amp; &#39;single&#39;",
    );
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(html.indexOf("<table")).toBeLessThan(html.indexOf("<svg"));
    expect(html).toMatch(/<svg[^>]* role="img" aria-label="[^"]+"/);
  });

  test("shows a failure, and a query that was skipped", async () => {
    const down = fakeReranker({ acts: [() => Promise.reject(new Error("down"))] });
    const documents = [1, 2].map((at) => new Document({ pageContent: `text ${at}` }));
    const failed = await new RerankCompressor({ reranker: down, retries: 0 }).explain("q", documents);
    expect(renderRerankText(failed)).toContain("failed: fake, ENGINE");
    const skipped = await new RerankCompressor({ reranker: down }).explain(" ", documents);
    expect(renderRerankText(skipped)).toContain("skipped: blank-query");
  });
});
