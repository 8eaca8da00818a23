import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import { Document } from "@langchain/core/documents";
import { BaseDocumentCompressor } from "@langchain/core/retrievers/document_compressors";
import { BaseRetriever } from "@langchain/core/retrievers";
import { ContextualCompressionRetriever } from "@langchain/classic/retrievers/contextual_compression";
import { DocumentCompressorPipeline } from "@langchain/classic/retrievers/document_compressors";
import { describe, expect, test } from "vitest";
import { manualClock } from "../../../src/core/clock.ts";
import type { StrataEvent } from "../../../src/core/events.ts";
import { RerankCompressor } from "../../../src/rerank/rerank-compressor.ts";
import { RerankProviderError } from "../../../src/rerank/provider-error.ts";
import { fakeReranker } from "../../support/fake-reranker.ts";

/** The number in the text is what the fake reranker scores it with. */
function documents(scores: readonly number[]): Document[] {
  return scores.map((score, index) => new Document({ pageContent: `text ${score}`, id: `d${index}`, metadata: { at: index } }));
}

/** The order of the reranker alone, so that results can be read off. */
const ALONE = { fusion: { method: "none" } } as const;

function ids(documents: readonly { id?: string | undefined }[]): (string | undefined)[] {
  return documents.map(({ id }) => id);
}

interface RecordedRun {
  readonly id: string;
  readonly name: string | undefined;
  readonly parent: string | undefined;
  readonly inputs: Record<string, unknown>;
  readonly metadata: Record<string, unknown> | undefined;
  outputs?: Record<string, unknown>;
  error?: unknown;
}

/** Chain runs, as a tracer is told of them. */
function recordedRuns(): { handler: BaseCallbackHandler; runs: RecordedRun[] } {
  const runs: RecordedRun[] = [];
  const of = (id: string): Partial<RecordedRun> => runs.find((run) => run.id === id) ?? {};
  const handler = BaseCallbackHandler.fromMethods({
    handleChainStart: (_, inputs, id, parent, _tags, metadata, _type, name) =>
      void runs.push({ id, name, parent, inputs, metadata }),
    handleChainEnd: (outputs, id) => void Object.assign(of(id), { outputs }),
    handleChainError: (error: unknown, id) => void Object.assign(of(id), { error }),
  });
  handler.awaitHandlers = true;
  return { handler, runs };
}

describe("the order", () => {
  test("is the reranker's where nothing is fused, and gives the best ten of fifty", async () => {
    const reranker = fakeReranker();
    const compressor = new RerankCompressor({ reranker, ...ALONE });
    const scores = Array.from({ length: 60 }, (_, index) => (index < 50 ? index : 99));
    const given = await compressor.compressDocuments(documents(scores), "q");
    expect(ids(given)).toEqual([49, 48, 47, 46, 45, 44, 43, 42, 41, 40].map((index) => `d${index}`));
    expect(reranker.asked[0]?.texts).toHaveLength(50);
  });

  test("is fused by reciprocal ranks: three quarters of the reranker's and one of the first stage's", async () => {
    const given = await new RerankCompressor({ reranker: fakeReranker() }).compressDocuments(documents([10, 20, 90]), "q");
    const fused = (rank: number, before: number): number => 0.75 / (60 + rank) + 0.25 / (60 + before);
    expect(given.map(({ metadata }) => (metadata["rerank"] as { fused: number }).fused)).toEqual([
      fused(1, 3),
      fused(2, 2),
      fused(3, 1),
    ]);
    expect(ids(given)).toEqual(["d2", "d1", "d0"]);
  });

  test("is the reranker's alone after a search by words", async () => {
    const compressor = new RerankCompressor({ reranker: fakeReranker(), firstStage: "bm25" });
    const report = await compressor.explain("q", documents([1, 2, 3, 4]));
    expect(report.fusion).toEqual({ method: "none", weight: 1 });
  });

  test("sums scores where that is asked for, with distances the right way round", async () => {
    const fusion = { method: "score", weight: 0.5 } as const;
    const found = documents([50, 51, 50]).map(
      ({ pageContent, id }, index) => new Document({ pageContent, id: id ?? "", metadata: { score: [0.1, 0.5, 0.9][index] } }),
    );
    const given = await new RerankCompressor({ reranker: fakeReranker(), fusion }).compressDocuments(found, "q");
    expect(ids(given)).toEqual(["d1", "d0", "d2"]);
    const ordinal = fakeReranker({ scoreKind: "ordinal" });
    const report = await new RerankCompressor({ reranker: ordinal, fusion }).explain("q", found);
    expect(report.fusion?.method).toBe("rrf");
  });

  test("leaves equals as they came", async () => {
    const given = await new RerankCompressor({ reranker: fakeReranker(), ...ALONE }).compressDocuments(
      documents([5, 7, 5, 7]),
      "q",
    );
    expect(ids(given)).toEqual(["d1", "d3", "d0", "d2"]);
  });
});

describe("what is given", () => {
  test("bears its places and scores, and what came in is not changed", async () => {
    const found = documents([10, 90]).map((each) => Object.freeze(each));
    const before = structuredClone(found.map(({ metadata }) => metadata));
    const [first] = await new RerankCompressor({ reranker: fakeReranker(), ...ALONE }).compressDocuments(found, "q");
    expect(first?.metadata).toEqual({
      at: 1,
      rerank: {
        rank: 1,
        previousRank: 2,
        outcome: "reranked",
        verdict: "kept",
        score: 0.9,
        rawScore: 0.9,
        fused: 0.9,
        reranker: "fake",
      },
    });
    expect(found.map(({ metadata }) => metadata)).toEqual(before);
    expect(first).not.toBe(found[1]);
  });

  test("is the same when it is reranked again", async () => {
    const compressor = new RerankCompressor({ reranker: fakeReranker(), ...ALONE });
    const once = await compressor.compressDocuments(documents([10, 90, 40]), "q");
    const twice = await compressor.compressDocuments(once, "q");
    expect(ids(twice)).toEqual(ids(once));
    expect(twice[0]?.metadata).toEqual({
      ...once[0]?.metadata,
      rerank: { ...(once[0]?.metadata["rerank"] as object), previousRank: 1 },
    });
  });

  test("is at least three below a threshold, and those above it", async () => {
    const options = { reranker: fakeReranker(), ...ALONE, threshold: 0.5 };
    const few = await new RerankCompressor(options).compressDocuments(documents([10, 90, 20, 30, 40]), "q");
    expect(ids(few)).toEqual(["d1", "d4", "d3"]);
    expect(few.map(({ metadata }) => (metadata["rerank"] as { verdict: string }).verdict)).toEqual([
      "kept",
      "kept-minimum",
      "kept-minimum",
    ]);
    const none = await new RerankCompressor({ ...options, minKept: 0 }).compressDocuments(documents([10, 20]), "q");
    expect(none).toEqual([]);
  });

  test("has logits as probabilities under its threshold, and its own calibration where one is given", async () => {
    const logits = fakeReranker({ scoreKind: "logit", score: (text) => Number(/\d+/.exec(text)?.[0]) - 50 });
    const compressor = new RerankCompressor({ reranker: logits, ...ALONE, threshold: 0.5, minKept: 0 });
    const given = await compressor.compressDocuments(documents([48, 53]), "q");
    expect(given).toHaveLength(1);
    expect(given[0]?.metadata["rerank"]).toMatchObject({ rawScore: 3, score: expect.closeTo(0.9526, 4) as number });
    const own = new RerankCompressor({ reranker: logits, calibrate: (raw) => raw * 2, threshold: 5.9, minKept: 0 });
    expect(await own.compressDocuments(documents([48, 53]), "q")).toHaveLength(1);
  });

  test("is not cut by a threshold that belongs to another scale", async () => {
    const first = fakeReranker({ acts: [() => Promise.reject(new Error("down"))] });
    const words = fakeReranker({ name: "words", scoreKind: "ordinal" });
    const compressor = new RerankCompressor({ reranker: [first, words], threshold: 0.9, retries: 0, minKept: 0, ...ALONE });
    const report = await compressor.explain("q", documents([1, 2, 3]));
    expect([report.reranker, report.threshold, report.rows.every(({ verdict }) => verdict === "kept")]).toEqual([
      "words",
      undefined,
      true,
    ]);
  });
});

describe("what is asked", () => {
  test("is each text once and as it is, equal ones together", async () => {
    const reranker = fakeReranker();
    const found = documents([10, 20, 10]);
    const given = await new RerankCompressor({ reranker, ...ALONE }).compressDocuments(found, " q\n");
    expect(reranker.asked).toEqual([{ query: " q\n", texts: ["text 10", "text 20"] }]);
    expect(ids(given)).toEqual(["d1", "d0", "d2"]);
  });

  test("is nothing for no document, for one, and for a blank query", async () => {
    const reranker = fakeReranker();
    const compressor = new RerankCompressor({ reranker });
    expect(await compressor.compressDocuments([], "q")).toEqual([]);
    expect(ids(await compressor.compressDocuments(documents([1]), "q"))).toEqual(["d0"]);
    expect(ids(await compressor.compressDocuments(documents([1, 2]), " "))).toEqual(["d0", "d1"]);
    expect(reranker.asked).toEqual([]);
    expect(compressor.stats()).toMatchObject({ calls: 3, skipped: 3 });
  });

  test("is only what was not asked before, whatever texts are beside it", async () => {
    const reranker = fakeReranker();
    const compressor = new RerankCompressor({ reranker, ...ALONE });
    await compressor.compressDocuments(documents([10, 20]), "q");
    const given = await compressor.compressDocuments(documents([20, 30, 10]), "q");
    await compressor.compressDocuments(documents([10, 20]), "another");
    expect(reranker.asked.map(({ texts }) => texts)).toEqual([["text 10", "text 20"], ["text 30"], ["text 10", "text 20"]]);
    expect(ids(given)).toEqual(["d1", "d0", "d2"]);
    expect(compressor.stats()).toMatchObject({ asked: 5, cached: 2, searches: 3, tokens: 30, cost: 0.006 });
  });

  test("is everything again when scores depend on the texts beside them, unless these are the same", async () => {
    const reranker = fakeReranker({ listwise: true });
    const compressor = new RerankCompressor({ reranker });
    for (const scores of [
      [10, 20],
      [10, 20],
      [10, 20, 30],
    ])
      await compressor.compressDocuments(documents(scores), "q");
    expect(reranker.asked.map(({ texts }) => texts.length)).toEqual([2, 3]);
  });

  test("is everything each time without the cache", async () => {
    const reranker = fakeReranker();
    const compressor = new RerankCompressor({ reranker, scoreCache: false });
    for (let call = 0; call < 2; call++) await compressor.compressDocuments(documents([10, 20]), "q");
    expect(reranker.asked).toHaveLength(2);
  });
});

describe("failures", () => {
  const down = (): Promise<never> => Promise.reject(new Error("secret text of the provider"));

  test("give the next reranker its turn, and the incoming order last of all", async () => {
    const events: StrataEvent[] = [];
    const options = { retries: 0, observer: (event: StrataEvent) => events.push(event), ...ALONE };
    const [bad, good] = [
      fakeReranker({ name: "bad", acts: [down, down] }),
      fakeReranker({ name: "good", acts: [undefined, down] }),
    ];
    const compressor = new RerankCompressor({ reranker: [bad, good], ...options, scoreCache: false });
    expect(ids(await compressor.compressDocuments(documents([1, 2, 3]), "q"))).toEqual(["d2", "d1", "d0"]);
    const given = await compressor.compressDocuments(documents([1, 2, 3]), "q");
    expect(ids(given)).toEqual(["d0", "d1", "d2"]);
    expect(given[0]?.metadata["rerank"]).toEqual({ rank: 1, previousRank: 1, outcome: "failed", verdict: "kept" });
    expect(events.map(({ type }) => type)).toEqual(["rerank.fault", "rerank", "rerank.fault", "rerank.fault", "rerank"]);
    expect(events[1]).toMatchObject({ outcome: "reranked", reranker: "good", candidates: 3, kept: 3, asked: 3 });
    expect(JSON.stringify(events)).not.toContain("secret");
    expect(compressor.stats()).toMatchObject({ calls: 2, reranked: 1, failed: 1, faults: 3 });
  });

  test("are tried again when they may pass, after as long as was asked for", async () => {
    const clock = manualClock();
    const busy = (): Promise<never> =>
      Promise.reject(new RerankProviderError("UNAVAILABLE", "busy", { status: 429, retryAfterMs: 1_000 }));
    const reranker = fakeReranker({ acts: [busy] });
    const compressor = new RerankCompressor({ reranker, clock, random: () => 0.5, ...ALONE });
    const call = compressor.compressDocuments(documents([1, 2]), "q");
    await clock.advance(999);
    expect(reranker.asked).toHaveLength(1);
    await clock.advance(1);
    expect(ids(await call)).toEqual(["d1", "d0"]);
    expect(reranker.asked).toHaveLength(2);
  });

  test("are not tried again when the provider asks to wait beyond the deadline, nor when it refuses", async () => {
    const late = (): Promise<never> =>
      Promise.reject(new RerankProviderError("UNAVAILABLE", "busy", { status: 429, retryAfterMs: 60_000 }));
    const refused = (): Promise<never> =>
      Promise.reject(new RerankProviderError("UNAVAILABLE", "no such model", { status: 404 }));
    for (const act of [late, refused]) {
      const reranker = fakeReranker({ acts: [act] });
      await new RerankCompressor({ reranker, retries: 5 }).compressDocuments(documents([1, 2]), "q");
      expect(reranker.asked).toHaveLength(1);
    }
  });

  test("open the circuit: after three in a row, or one that no further call can mend", async () => {
    const events: StrataEvent[] = [];
    const refused = (): Promise<never> => Promise.reject(new RerankProviderError("UNAVAILABLE", "wrong key", { status: 401 }));
    const [flaky, locked] = [fakeReranker({ acts: [down, down, down] }), fakeReranker({ name: "locked", acts: [refused] })];
    const observer = (event: StrataEvent): number => events.push(event);
    const compressor = new RerankCompressor({
      reranker: [flaky, locked],
      retries: 0,
      clock: manualClock(),
      observer,
      scoreCache: false,
    });
    for (let call = 0; call < 5; call++) await compressor.compressDocuments(documents([1, 2]), "q");
    expect([flaky.asked.length, locked.asked.length]).toEqual([3, 1]);
    expect(events.filter(({ type }) => type === "rerank.state")).toHaveLength(2);
  });

  test("by silence leave time for the next, within the deadline of all", async () => {
    const clock = manualClock();
    let ended: unknown;
    const hang = ({ signal }: { signal?: AbortSignal | undefined }): Promise<never> =>
      new Promise(() => signal?.addEventListener("abort", () => (ended = signal.reason)));
    const [deaf, good] = [fakeReranker({ acts: [hang] }), fakeReranker({ name: "good" })];
    const compressor = new RerankCompressor({ reranker: [deaf, good], deadline: "4s", clock, ...ALONE });
    const call = compressor.compressDocuments(documents([1, 2]), "q");
    await clock.advance(2_010);
    expect(ids(await call)).toEqual(["d1", "d0"]);
    expect(ended).toBeInstanceOf(Error);
    expect(clock.pending).toBe(0);
  });

  test.each([
    ["an index that is not there", [{ index: 9, score: 1 }]],
    [
      "the same index twice",
      [
        { index: 0, score: 0.1 },
        { index: 0, score: 0.2 },
      ],
    ],
    [
      "a score that is no number",
      [
        { index: 0, score: Number.NaN },
        { index: 1, score: 0.2 },
      ],
    ],
    ["fewer scores than texts", [{ index: 0, score: 0.5 }]],
    [
      "a probability of 7",
      [
        { index: 0, score: 7 },
        { index: 1, score: 0.2 },
      ],
    ],
    ["nothing", undefined as never],
  ])("are also answers with %s", async (_, answer) => {
    const reranker = fakeReranker({ acts: [() => Promise.resolve(answer)] });
    const report = await new RerankCompressor({ reranker, retries: 0 }).explain("q", documents([1, 2]));
    expect([report.outcome, report.faults]).toEqual(["failed", [{ reranker: "fake", code: "BAD_ANSWER", status: undefined }]]);
  });

  test("are also one score for all of several texts, as from a model without its head", async () => {
    const report = await new RerankCompressor({ reranker: fakeReranker({ score: () => 1 }), retries: 0 }).explain(
      "q",
      documents([1, 2, 3, 4]),
    );
    expect(report.outcome).toBe("failed");
  });

  test("of a reranker that has no opinion on one query, or on texts that are all blank, do not take it from the next query", async () => {
    const reranker = fakeReranker();
    const compressor = new RerankCompressor({ reranker, retries: 0, scoreCache: false, ...ALONE });
    const blank = ["", " ", "\n", "\t", "  "].map((pageContent) => ({ pageContent, metadata: {} }));
    expect((await compressor.explain("q", blank)).outcome).toBe("reranked");
    const words = ["a", "b", "c", "d"].map((pageContent) => ({ pageContent, metadata: {} }));
    for (let call = 0; call < 4; call++) expect((await compressor.explain("q", words)).outcome).toBe("failed");
    expect((await compressor.explain("q", documents([1, 2]))).outcome).toBe("reranked");
  });

  test("of functions of the user cost what they were for, and are told", async () => {
    const events: StrataEvent[] = [];
    const broken = (): never => {
      throw new Error("a bug");
    };
    const compressor = new RerankCompressor({
      ...{ reranker: fakeReranker(), ...ALONE, observer: (event) => events.push(event) },
      ...{
        policy: { name: "own", decide: broken, observe: broken },
        tier: broken,
        calibrate: broken,
        threshold: 0.5,
        minKept: 0,
      },
    });
    const given = await compressor.compressDocuments(documents([10, 90]), "q");
    expect(ids(given)).toEqual(["d1", "d0"]);
    expect(given[0]?.metadata["rerank"]).not.toHaveProperty("score");
    expect(given[0]?.metadata["rerank"]).toMatchObject({ rawScore: 0.9, reranker: "fake" });
    const faults = events.flatMap((event) => (event.type === "rerank.fault" ? [event.reranker] : []));
    expect(faults.toSorted()).toEqual(["calibrate", "policy", "policy", "tier"]);
  });

  test.each([Number.NaN, Infinity, 2.7, 1e9])("of a policy that says a depth of %d are read as a count", async (depth) => {
    const policy = { name: "own", decide: () => ({ action: "rerank", depth, reason: "rule" }) as const };
    const report = await new RerankCompressor({ reranker: fakeReranker(), policy }).explain("q", documents([1, 2, 3]));
    expect(report.depth).toBe(depth === 2.7 ? 2 : 3);
    const none = { name: "own", decide: () => ({ action: "rerank", depth: -1, reason: "rule" }) as const };
    const skipped = await new RerankCompressor({ reranker: fakeReranker(), policy: none }).explain("q", documents([1, 2]));
    expect([skipped.outcome, skipped.depth]).toEqual(["skipped", 0]);
  });

  test("are not what a caller who leaves gets", async () => {
    const controller = new AbortController();
    const reason = new Error("left");
    const reranker = fakeReranker({ acts: [() => new Promise(() => controller.abort(reason))] });
    const compressor = new RerankCompressor({ reranker });
    await expect(compressor.explain("q", documents([1, 2]), { signal: controller.signal })).rejects.toBe(reason);
    await expect(compressor.explain("q", documents([1, 2]), { signal: controller.signal })).rejects.toBe(reason);
  });
});

describe("inside LangChain", () => {
  class Found extends BaseRetriever {
    lc_namespace = ["test"];

    override async _getRelevantDocuments(): Promise<Document[]> {
      return documents([10, 30, 20]);
    }
  }

  test("is a run beneath the retriever that asked, with what it did and no other content than theirs", async () => {
    const { handler, runs } = recordedRuns();
    const down = fakeReranker({ name: "down", acts: [() => Promise.reject(new Error("secret of the provider"))] });
    const baseCompressor = new RerankCompressor({
      ...{ reranker: [down, fakeReranker({ name: "spare" })], retries: 0, topK: 2, firstStage: "products", ...ALONE },
    });
    const retriever = new ContextualCompressionRetriever({ baseCompressor, baseRetriever: new Found() });
    const given = await retriever.invoke("q", { callbacks: [handler], metadata: { app: "shop" } });
    const [run] = runs;
    expect(runs).toHaveLength(1);
    expect(run).toMatchObject({
      ...{ name: "RerankCompressor", inputs: { query: "q", candidates: 3 } },
      metadata: { app: "shop", first_stage: "products", rerankers: ["down", "spare"] },
      outputs: {
        documents: given,
        rerank: {
          ...{ outcome: "reranked", reason: "always", reranker: "spare", fallback: true, candidates: 3, depth: 3, kept: 2 },
          faults: [{ reranker: "down", code: "ENGINE", status: undefined }],
        },
      },
    });
    expect(run?.parent).toBeDefined();
    expect(JSON.stringify(run)).not.toContain("secret of the provider");
  });

  test("is a run of its own with callbacks, one that fails where the call does", async () => {
    const { handler, runs } = recordedRuns();
    const compressor = new RerankCompressor({ reranker: fakeReranker() });
    await compressor.compressDocuments(documents([1, 2]), "q", [handler]);
    await expect(compressor.compressDocuments([{}] as Document[], "q", [handler])).rejects.toMatchObject({ code: "CONFIG" });
    expect(runs.map(({ outputs, error, parent }) => [outputs?.["rerank"] !== undefined, error !== undefined, parent])).toEqual([
      [true, false, undefined],
      [false, true, undefined],
    ]);
  });

  test("compresses for a ContextualCompressionRetriever, and in a pipeline", async () => {
    const baseCompressor = new RerankCompressor({ reranker: fakeReranker(), topK: 2, ...ALONE });
    expect(BaseDocumentCompressor.isBaseDocumentCompressor(baseCompressor)).toBe(true);
    const retriever = new ContextualCompressionRetriever({ baseCompressor, baseRetriever: new Found() });
    expect(ids(await retriever.invoke("q"))).toEqual(["d1", "d2"]);
    const pipeline = new DocumentCompressorPipeline({
      transformers: [baseCompressor, new RerankCompressor({ reranker: fakeReranker(), topK: 1, ...ALONE })],
    });
    expect(ids(await pipeline.compressDocuments(documents([10, 30, 20]), "q"))).toEqual(["d1"]);
  });
});

describe("bad input", () => {
  test("is named", async () => {
    const compressor = new RerankCompressor({ reranker: fakeReranker() });
    await expect(compressor.compressDocuments("no" as never, "q")).rejects.toMatchObject({ code: "CONFIG", option: "documents" });
    await expect(compressor.compressDocuments([{ metadata: {} } as never], "q")).rejects.toMatchObject({ option: "documents" });
    await expect(compressor.compressDocuments([], undefined as never)).rejects.toMatchObject({ option: "query" });
  });

  test("of empty texts, huge ones and equal ones is ranked all the same", async () => {
    const found = ["", "x 9".padEnd(10_000_000, " y"), "x 9", "x 9", "  "].map(
      (pageContent, index) => new Document({ pageContent, id: `${index}` }),
    );
    const given = await new RerankCompressor({ reranker: fakeReranker(), ...ALONE }).compressDocuments(found, "q");
    expect(ids(given)).toEqual(["1", "2", "3", "0", "4"]);
  });

  test.each<[string, object]>([
    ["reranker", { reranker: [] }],
    ["reranker", { reranker: {} }],
    ["reranker.scoreKind", { reranker: { ...fakeReranker(), scoreKind: "percent" } }],
    ["reranker.name", { reranker: [fakeReranker(), fakeReranker()] }],
    ["threshold", { threshold: 1.5 }],
    ["threshold", { reranker: fakeReranker({ scoreKind: "ordinal" }), threshold: 0.5 }],
    ["threshold", { reranker: fakeReranker({ scoreKind: "logit" }), threshold: -3 }],
    ["candidates", { candidates: 0 }],
    ["topK", { topK: 1.5 }],
    ["minKept", { minKept: -1 }],
    ["policy", { policy: "sometimes" }],
    ["fusion.method", { fusion: { method: "sum" } }],
    ["fusion.weight", { fusion: { weight: 2 } }],
    ["fusion.wieght", { fusion: { wieght: 0.5 } }],
    ["firstStage", { firstStage: "" }],
    ["scoreKey", { scoreKey: 7 }],
    ["deadline", { deadline: "soon" }],
    ["retries", { retries: -1 }],
    ["scoreCache", { scoreCache: "yes" }],
    ["scoreCache.tll", { scoreCache: { tll: 1 } }],
    ["RerankCompressor.treshold", { treshold: 0.5 }],
  ])("of the option %s is refused by name", (option, options) => {
    expect(() => new RerankCompressor({ reranker: fakeReranker(), ...options })).toThrow(
      expect.objectContaining({ code: "CONFIG", option }) as Error,
    );
  });

  test("after closing is refused; closing closes the rerankers, once", async () => {
    const reranker = fakeReranker();
    const compressor = new RerankCompressor({ reranker });
    await Promise.all([compressor.close(), compressor.close()]);
    expect(reranker.closed).toBe(1);
    await expect(compressor.compressDocuments([], "q")).rejects.toMatchObject({ code: "CLOSED" });
  });
});
