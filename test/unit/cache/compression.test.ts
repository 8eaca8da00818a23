import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  createCompression,
  decompress,
  type CompressionAlgorithm,
  type CompressionOptions,
} from "../../../src/cache/compression.ts";
import { CODECS, RAW, ZSTD } from "../../../src/cache/compressions/codecs.ts";
import { DICTIONARY_1 } from "../../../src/cache/compressions/dictionary.ts";
import { isPromise } from "../../../src/core/abort.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { StrataConfigError, StrataError } from "../../../src/core/errors.ts";

const KB = 1024;
const encoder = new TextEncoder();

/** Words of a small language in no order. */
function prose(bytes: number): Uint8Array {
  let [text, state] = ["", 1];
  while (text.length < bytes) {
    state = (state * 48_271) % 0x7fffffff;
    text += `${((state % 500) ** 3).toString(26)} `;
  }
  return encoder.encode(text.slice(0, bytes));
}

function answer(text: string): Uint8Array {
  const stored = [
    {
      info: { finish_reason: "stop" },
      message: { content: text, response_metadata: { model_provider: "deepseek" }, id: "run-1" },
    },
  ];
  return encoder.encode(JSON.stringify(stored));
}

function incompressible(bytes: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(bytes / 32) }, (_, index) => createHash("sha256").update(String(index)).digest());
  return Buffer.concat(blocks).subarray(0, bytes);
}

describe("the choice per value", () => {
  const auto = createCompression({ algorithm: "auto" });

  it.each([
    ["nothing is asked for", prose(8 * KB), "none", RAW],
    ["the payload is tiny", encoder.encode('[{"text":"Yes."}]'), "fast", RAW],
    ["less than a tenth would be saved", incompressible(8 * KB), "best", RAW],
  ] as const)("stores the payload itself when %s", async (_, payload, effort, codec) => {
    const result = await auto.compress(payload, { effort });
    expect(result.codec).toBe(codec);
    expect(result.bytes).toBe(payload);
  });

  it.each([
    ["a short answer", 1 * KB, "fast", 4, false],
    ["a short answer, thoroughly", 1 * KB, "best", 4, false],
    ["a long answer", 32 * KB, "fast", 4, false],
    ["a long answer, thoroughly", 32 * KB, "best", 2, true],
    ["a very long answer", 33 * KB, "fast", 2, true],
    ["a huge answer, thoroughly", 600 * KB, "best", 2, true],
  ] as const)("packs %s of %i bytes", async (_, bytes, effort, codec, background) => {
    const result = auto.compress(prose(bytes), { effort });
    expect(isPromise(result)).toBe(background);
    const packed = await result;
    expect(packed.codec).toBe(codec);
    expect(packed.bytes.byteLength).toBeLessThan(0.9 * bytes);
    expect(Buffer.compare(await decompress(packed.codec, packed.bytes, bytes), prose(bytes))).toBe(0);
  });

  it("writes only codecs that every supported Node reads, unless zstd is asked for", async () => {
    for (const bytes of [200, 2 * KB, 8 * KB, 40 * KB, 300 * KB]) {
      for (const effort of ["fast", "best"] as const) {
        expect([0, 1, 2, 4]).toContain((await auto.compress(prose(bytes), { effort })).codec);
      }
    }
  });

  it.each([
    ["gzip", 1],
    ["brotli", 2],
  ] as const)("uses %s at every size when it is named", async (algorithm, codec) => {
    const compression = createCompression({ algorithm });
    for (const bytes of [1 * KB, 40 * KB]) {
      for (const effort of ["fast", "best"] as const) {
        expect((await compression.compress(prose(bytes), { effort })).codec).toBe(codec);
      }
    }
  });

  it("packs harder at a higher level", async () => {
    const sizes = [1, 9].map((level) =>
      createCompression({ algorithm: "gzip", level }).compress(prose(8 * KB), { effort: "fast" }),
    );
    const [low, high] = await Promise.all(sizes);
    expect(high?.bytes.byteLength).toBeLessThan(low?.bytes.byteLength ?? 0);
  });

  it("never runs a slow level on the main thread", () => {
    const slow = createCompression({ algorithm: "brotli", level: 11 }).compress(prose(1 * KB), { effort: "fast" });
    expect(isPromise(slow)).toBe(true);
    return slow;
  });

  it("stores what is longer than the limit as it is, so that it stays readable", async () => {
    const compression = createCompression({ algorithm: "auto", maxRawLength: 1000 });
    const { codec, bytes } = await compression.compress(prose(1001), { effort: "fast" });
    expect(codec).toBe(RAW);
    expect(await decompress(codec, bytes, 1001, { maxRawLength: 1000 })).toBe(bytes);
  });
});

describe("options", () => {
  const refused: ReadonlyArray<[string, CompressionOptions]> = [
    ["compression.algorithm", { algorithm: "lz4" as CompressionAlgorithm }],
    ["compression.level", { algorithm: "auto", level: 3 }],
    ["compression.level", { algorithm: "none", level: 3 }],
    ["compression.level", { algorithm: "gzip", level: 0 }],
    ["compression.level", { algorithm: "gzip", level: 10 }],
    ["compression.level", { algorithm: "brotli", level: 12 }],
    ["compression.level", { algorithm: "brotli", level: 1.5 }],
    ["compression.maxRawLength", { algorithm: "auto", maxRawLength: 0 }],
  ];
  it.each(refused)("names %s when it is wrong: %o", (option, options) => {
    expect(() => createCompression(options)).toThrow(expect.objectContaining({ name: "StrataConfigError", option }));
  });

  it("accepts zstd where Node has it, and says which Node is needed where it has not", async () => {
    const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
    if (major > 23 || (major === 23 && minor >= 8) || (major === 22 && minor >= 15)) {
      const { codec, bytes } = await createCompression({ algorithm: "zstd" }).compress(prose(2 * KB), { effort: "fast" });
      expect(codec).toBe(3);
      expect(Buffer.compare(await decompress(codec, bytes, 2 * KB), prose(2 * KB))).toBe(0);
    } else {
      expect(() => createCompression({ algorithm: "zstd" })).toThrow(StrataConfigError);
      expect(() => createCompression({ algorithm: "zstd" })).toThrow(/zstd.*22\.15/);
    }
  });

  it("writes raw payloads with algorithm none, and still reads everything", async () => {
    const none = createCompression({ algorithm: "none" });
    const payload = prose(2 * KB);
    expect(await none.compress(payload, { effort: "best" })).toEqual({ codec: RAW, bytes: payload });
    const { codec, bytes } = await createCompression({ algorithm: "auto" }).compress(payload, { effort: "fast" });
    expect(Buffer.compare(await decompress(codec, bytes, payload.byteLength), payload)).toBe(0);
  });
});

describe("statistics", () => {
  it("count bytes and time of what tiers wanted compressed", async () => {
    const clock = manualClock();
    const compression = createCompression({ algorithm: "auto", clock });
    expect(compression.stats()).toEqual({ values: 0, compressed: 0, rawBytes: 0, storedBytes: 0, ratio: 1, nanoseconds: 0 });

    await compression.compress(prose(2 * KB), { effort: "none" });
    const short = await compression.compress(prose(2 * KB), { effort: "fast" });
    await compression.compress(incompressible(1 * KB), { effort: "fast" });
    const waiting = compression.compress(prose(64 * KB), { effort: "fast" });
    await clock.advance(5);
    const long = await waiting;

    const storedBytes = short.bytes.byteLength + 1 * KB + long.bytes.byteLength;
    expect(compression.stats()).toEqual({
      values: 3,
      compressed: 2,
      rawBytes: 67 * KB,
      storedBytes,
      ratio: (67 * KB) / storedBytes,
      nanoseconds: 5_000_000,
    });
  });
});

describe("stored bytes are for ever", () => {
  /** Written by the first release. A change here would make stored values unreadable, or worse, different. */
  const DICTIONARY_DIGEST = "67cddcb05f0fb53cbed02fc0914dc9b2969e3c5757d72006f2b6e13d8bc45c75";
  const WRITTEN: Readonly<Record<number, string>> = {
    1: "H4sIAAAAAAAAA1WPsWrEMBBEf0VsEzBnwyWdUqZJky5dFMw6Htsip5XYlQPh8Aclv3E/FlSmGnjMMDNvV4qyZPJXWqJE20YFWxbyZDUXOk6UYMYrmuUjS4VU8vQMxZ05dlZR+um7b+rKhcUHCXIeXNe9gG1XdJ1bolodgtw3/LSxrI1mgatblHUI8vA/wCtHeXSBFrYKDeRiK5M9TdDBvXKabj/JIbmSte7rfvu1gU6ksJLFMCZUnrlyW53yjMtYNH/FGUqeZqAY8NnexZk86S79mY7j/Q/0Txn+DwEAAA==",
    2: "Gw4BAMT+OZX03mUu+wHZFkvHnAgVrtkOWHe/2S4J16DbVZLHEQcUcJjbFI93sEZT64y8fXMNgcubtZL6uwmMQuadX5fxCNv2v72E2fQ0Nc4YQvHwRk/vrJjCeEtn19lFPmy7ng5lLraNVOF3dvGVWEGY2O+mMPHgd3bJI6bUUnRYgYSMZUJhUH00Q9z+vy2mW3T28OlSKO3PnPCQDn6+bPeT6aZfVUahcegCMPwsJxSerjsv4vfbBQ==",
    3: "KLUv/WAPAH0GAFIOLSaAqekzJDMDc1ozjG2TYm+5UC01Cn1Z8e1kw1FY9RdqW8lJm5ACAQkMRiaQfThTLmvhb/cvmZK/LIbGLlF8aUyfLvrOkvc21+dEJOqHxtM8j5tDdmQODYXpASK+wp5dmIr/WplUOLBLGxVYhZpdzsNva1YdgoBV6DUvBo/j/LTe4DgQJVatSqsKh0iDgri/RsUGOL8gU77926bwRrvPEsFI115nym2t58TptYvJRcrG7MoFQggAhS2G5Cx2OAQ2VfJzspbOfa/skFmVHg==",
    4: "IzcjYi0iFQpyEvOs4CWkb2oiqCbV0oLU7XrQEtM5IzEvHSQKqlNBeSxdD1qIIjQkpidm5lkrxCilJRaXpBbFKIGzL7Q9oKcQAm20puaC2oMlpemlh1cV6ynhyF2403ktUmgYgoIDAA==",
  };
  const payload = answer(
    "Here's a step-by-step plan:\n\n1. **Measure** first.\n2. **Change** one thing.\n3. **Measure** again; " +
      '"faster" is a number. Também em português.',
  );

  it("has the dictionary of its id", () => {
    expect(createHash("sha256").update(DICTIONARY_1).digest("hex")).toBe(DICTIONARY_DIGEST);
  });

  it("gives every codec its own id, none of them that of raw bytes", () => {
    const ids = CODECS.map((codec) => codec.id);
    expect(new Set([RAW, ...ids]).size).toBe(ids.length + 1);
  });

  it.each([1, 2, 4])("reads what codec %i wrote", async (codec) => {
    const raw = await decompress(codec, Buffer.from(WRITTEN[codec] ?? "", "base64"), payload.byteLength);
    expect(Buffer.compare(raw, payload)).toBe(0);
  });

  it("reads what codec 3 wrote where Node has zstd, and elsewhere refuses it as unreadable", async () => {
    const read = async (): Promise<Uint8Array> => decompress(3, Buffer.from(WRITTEN[3] ?? "", "base64"), payload.byteLength);
    if (ZSTD === undefined) await expect(read()).rejects.toThrow(/codec 3 cannot be read/);
    else expect(Buffer.compare(await read(), payload)).toBe(0);
  });

  it("refuses a codec of a later release", () => {
    expect(() => decompress(200, prose(10), 100)).toThrow(expect.objectContaining({ code: "CORRUPT" }));
    expect(() => decompress(200, prose(10), 100)).toThrow(StrataError);
  });
});
