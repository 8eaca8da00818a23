import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCompression, decompress } from "../../../src/cache/compression.ts";
import { CODECS, type Codec } from "../../../src/cache/compressions/codecs.ts";
import { StrataError } from "../../../src/core/errors.ts";

const algorithms = (["auto", "none", "gzip", "brotli", "zstd"] as const).filter(
  (name) => name !== "zstd" || CODECS.some(({ id }) => id === 3),
);

/** Anything from noise to long repetition, also around the sizes at which the plan changes. */
const payloads: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 3000 }),
  fc.json({ maxDepth: 5 }).map((text) => Buffer.from(text)),
  fc
    .tuple(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.constantFrom(127, 128, 4096, 4097, 32_768, 32_769, 131_072, 131_073),
    )
    .map(([block, length]) => Buffer.alloc(length, block)),
);

/** What each codec has written: a payload that shrinks, and its packed form. */
const packed: fc.Arbitrary<{ codec: Codec; bytes: Uint8Array; rawLength: number }> = fc
  .record({ codec: fc.constantFrom(...CODECS), text: fc.lorem({ maxCount: 60 }), copies: fc.integer({ min: 4, max: 40 }) })
  .map(({ codec, text, copies }) => {
    const payload = Buffer.from(JSON.stringify([{ message: { content: `${text}\n`.repeat(copies) } }]));
    return { codec, bytes: codec.packSync(payload, 5), rawLength: payload.byteLength };
  });

describe("compression of any bytes", () => {
  it("comes back equal, whatever wrote it and however hard", async () => {
    const property = fc.asyncProperty(
      payloads,
      fc.constantFrom(...algorithms),
      fc.constantFrom("none", "fast", "best"),
      async (payload, algorithm, effort) => {
        const { codec, bytes } = await createCompression({ algorithm }).compress(payload, { effort });
        expect(bytes.byteLength).toBeLessThanOrEqual(payload.byteLength);
        const raw = await decompress(codec, bytes, payload.byteLength);
        expect(Buffer.compare(raw, payload)).toBe(0);
      },
    );
    await fc.assert(property, { numRuns: 150 });
  });

  it("is the same bytes on the main thread and in the pool, both ways", async () => {
    const property = fc.asyncProperty(payloads, fc.constantFrom(...CODECS), async (payload, codec) => {
      const bytes = codec.packSync(payload, 5);
      expect(Buffer.compare(await codec.pack(payload, 5), bytes)).toBe(0);
      expect(Buffer.compare(codec.unpackSync(bytes, payload.byteLength), payload)).toBe(0);
      expect(Buffer.compare(await codec.unpack(bytes, payload.byteLength), payload)).toBe(0);
    });
    await fc.assert(property, { numRuns: 100 });
  });
});

describe("damaged bytes", () => {
  /** The right number of bytes, or `CORRUPT`; never a crash, another error, or another length. */
  async function expectRefusedOrWhole(codec: number, bytes: Uint8Array, rawLength: number): Promise<"refused" | "whole"> {
    try {
      expect((await decompress(codec, bytes, rawLength)).byteLength).toBe(rawLength);
      return "whole";
    } catch (error) {
      if (!(error instanceof StrataError) || error.code !== "CORRUPT") throw error;
      return "refused";
    }
  }

  it("with a flipped bit never give another length", async () => {
    const property = fc.asyncProperty(packed, fc.nat(), async ({ codec, bytes, rawLength }, where) => {
      const bit = where % (8 * bytes.byteLength);
      const flipped = Uint8Array.from(bytes, (byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      await expectRefusedOrWhole(codec.id, flipped, rawLength);
    });
    await fc.assert(property, { numRuns: 500 });
  });

  it("that were cut short are refused", async () => {
    const property = fc.asyncProperty(packed, fc.nat(), async ({ codec, bytes, rawLength }, cut) => {
      // The last byte may be a checksum's, or padding, without which all of the output is there.
      const short = bytes.subarray(0, cut % bytes.byteLength);
      const outcome = await expectRefusedOrWhole(codec.id, short, rawLength);
      if (short.byteLength < bytes.byteLength - 12) expect(outcome).toBe("refused");
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it("of another codec, or none at all, are refused or whole", async () => {
    const noise = fc.uint8Array({ maxLength: 400 });
    const property = fc.asyncProperty(fc.nat({ max: 255 }), noise, fc.nat({ max: 500_000 }), async (codec, bytes, rawLength) => {
      await expectRefusedOrWhole(codec, bytes, rawLength);
    });
    await fc.assert(property, { numRuns: 500 });
  });

  it("with a length that is not theirs are refused, in the pool as on the main thread", async () => {
    const lengths = fc.oneof(fc.nat({ max: 400_000 }), fc.constantFrom(Number.NaN, -1, 0.5, Infinity, 2 ** 32));
    const property = fc.asyncProperty(packed, lengths, async ({ codec, bytes, rawLength }, stated) => {
      fc.pre(stated !== rawLength);
      expect(await expectRefusedOrWhole(codec.id, bytes, stated)).toBe("refused");
    });
    await fc.assert(property, { numRuns: 300 });
  });
});
