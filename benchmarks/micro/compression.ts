/**
 * What compression saves and costs: `npx tsx benchmarks/micro/compression.ts [--json] [--quick]`.
 *
 * Ratios are sums over all samples of a row: bytes that LangChain's caches would have stored (`StoredGeneration` JSON), and bytes
 * of our own payload, each against the bytes that are stored. Times are from call to result, values being packed one after
 * another; rows marked `pool` ran in the thread pool, and their time is not the main thread's.
 */
import { deflateRawSync } from "node:zlib";
import { createCompression, decompress, type CompressionOptions } from "../../src/cache/compression.ts";
import { DEFLATE_DICTIONARY, ZSTD } from "../../src/cache/compressions/codecs.ts";
import { isPromise, type MaybePromise } from "../../src/core/abort.ts";
import { FAMILIES, samples, type Family, type Half, type Sample } from "./compression-corpus.ts";

interface Row {
  readonly answerBytes: number;
  readonly family: Family | "reasoning";
  readonly algorithm: string;
  readonly effort: "fast" | "best";
  /** Against `StoredGeneration` JSON. */
  readonly ratio: number;
  /** Against our uncompressed payload. */
  readonly ratioToPayload: number;
  readonly pool: boolean;
  readonly compressUs: Spread;
  readonly decompressUs: Spread;
}

interface Spread {
  readonly median: number;
  readonly p99: number;
}

interface DictionaryGain {
  readonly answerBytes: number;
  readonly family: Family;
  readonly half: Half;
  readonly without: number;
  readonly with: number;
}

const quick = process.argv.includes("--quick");
const SIZES = [512, 2048, 8192, 51_200, 204_800];

/** The corpus has too little connected prose for several different texts of that size. */
const FAMILIES_OF_LARGE: readonly Family[] = ["docs"];

async function measureAll(): Promise<Row[]> {
  const configurations: readonly CompressionOptions[] = [
    { algorithm: "auto" },
    { algorithm: "gzip" },
    { algorithm: "brotli" },
    { algorithm: "brotli", level: 1 },
    { algorithm: "zstd" },
  ];
  const rows: Row[] = [];
  for (const answerBytes of SIZES) {
    const count = answerBytes > 100_000 ? 4 : answerBytes > 20_000 ? 8 : 40;
    const families = answerBytes > 100_000 ? FAMILIES_OF_LARGE : FAMILIES;
    const groups = families.map((family) => ({ family: family as Row["family"], set: bothHalves(family, answerBytes, count) }));
    if (answerBytes < 20_000) groups.push({ family: "reasoning", set: samples("docs", "a", answerBytes, count, true) });
    for (const { family, set } of groups) {
      for (const options of configurations) {
        if (options.algorithm === "zstd" && ZSTD === undefined) continue;
        for (const effort of options.level === undefined ? (["fast", "best"] as const) : (["fast"] as const)) {
          rows.push({ answerBytes, family, ...(await measure(options, effort, set)) });
        }
      }
    }
  }
  return rows;
}

function bothHalves(family: Family, bytes: number, count: number): Sample[] {
  return [...samples(family, "a", bytes, count / 2), ...samples(family, "b", bytes, count / 2)];
}

async function measure(
  options: CompressionOptions,
  effort: "fast" | "best",
  set: readonly Sample[],
): Promise<Omit<Row, "answerBytes" | "family">> {
  const compression = createCompression(options);
  const rounds = quick ? 2 : Math.max(3, Math.ceil(400 / set.length / (effort === "best" ? 4 : 1)));
  const packing: number[] = [];
  const unpacking: number[] = [];
  let [langChain, raw, stored, pool] = [0, 0, 0, false];
  for (let round = -1; round < rounds; round++) {
    for (const { payload, langChainBytes } of set) {
      const packed = await timed(() => compression.compress(payload, { effort }));
      const { codec, bytes } = packed.value;
      const unpacked = await timed(() => decompress(codec, bytes, payload.byteLength));
      if (round === -1) {
        if (Buffer.compare(unpacked.value, payload) !== 0) throw new Error("The payload did not come back equal.");
        langChain += langChainBytes;
        raw += payload.byteLength;
        stored += bytes.byteLength;
        pool ||= packed.waited;
      } else {
        packing.push(packed.us);
        unpacking.push(unpacked.us);
      }
    }
  }
  const algorithm = options.level === undefined ? options.algorithm : `${options.algorithm} ${options.level}`;
  const ratios = { ratio: langChain / stored, ratioToPayload: raw / stored };
  return { algorithm, effort, ...ratios, pool, compressUs: spread(packing), decompressUs: spread(unpacking) };
}

async function timed<T>(call: () => MaybePromise<T>): Promise<{ value: T; us: number; waited: boolean }> {
  const startedAt = performance.now();
  const result = call();
  const waited = isPromise(result);
  const value = waited ? await result : result;
  return { value, us: (performance.now() - startedAt) * 1000, waited };
}

function spread(times: number[]): Spread {
  times.sort((one, other) => one - other);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { median: at(0.5), p99: at(0.99) };
}

/** The same codec and level with and without the dictionary, on two disjoint halves of each family. */
function measureDictionary(): DictionaryGain[] {
  return [512, 2048, 8192].flatMap((answerBytes) =>
    FAMILIES.flatMap((family) =>
      (["a", "b"] as const).map((half) => {
        const set = samples(family, half, answerBytes, 30);
        const langChain = set.reduce((sum, sample) => sum + sample.langChainBytes, 0);
        const plain = set.reduce((sum, { payload }) => sum + deflateRawSync(payload, { level: 3 }).byteLength, 0);
        const preset = set.reduce((sum, { payload }) => sum + DEFLATE_DICTIONARY.packSync(payload, 3).byteLength, 0);
        return { answerBytes, family, half, without: langChain / plain, with: langChain / preset };
      }),
    ),
  );
}

function print(rows: readonly Row[], gains: readonly DictionaryGain[]): void {
  console.log(`Compression on Node ${process.versions.node}, ${process.platform} ${process.arch}\n`);
  console.log(
    "| answer | text | algorithm | effort | ratio to LangChain | to payload | compress µs (p99) | decompress µs (p99) |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const row of rows) {
    const place = row.pool ? " pool" : "";
    const cells = [
      kilobytes(row.answerBytes),
      row.family,
      row.algorithm,
      row.effort,
      row.ratio.toFixed(2),
      row.ratioToPayload.toFixed(2),
    ];
    console.log(`| ${[...cells, times(row.compressUs) + place, times(row.decompressUs)].join(" | ")} |`);
  }
  console.log("\nThe dictionary on disjoint halves of the corpus: ratio to LangChain at level 3\n");
  console.log("| answer | text | half | without | with | gain |");
  console.log("| --- | --- | --- | --- | --- | --- |");
  for (const gain of gains) {
    const percent = `${((gain.with / gain.without - 1) * 100).toFixed(0)} %`;
    const cells = [kilobytes(gain.answerBytes), gain.family, gain.half, gain.without.toFixed(2), gain.with.toFixed(2), percent];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

function times({ median, p99 }: Spread): string {
  return `${median.toFixed(0)} (${p99.toFixed(0)})`;
}

function kilobytes(bytes: number): string {
  return `${bytes / 1024} KB`;
}

const rows = await measureAll();
const dictionary = measureDictionary();
if (process.argv.includes("--json")) console.log(JSON.stringify({ node: process.versions.node, rows, dictionary }, undefined, 2));
else print(rows, dictionary);
