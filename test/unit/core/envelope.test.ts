import { readFileSync } from "node:fs";
import * as zlib from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asBuffer, open, seal, type SealInput } from "../../../src/core/envelope.ts";
import { StrataError } from "../../../src/core/errors.ts";
import { digest } from "../../../src/core/key.ts";
import { seeded } from "./seeded.ts";

const KEY = digest("key");
const SCOPE = digest("scope", "tenant", "a");

const SAMPLE: SealInput = {
  key: KEY,
  scope: SCOPE,
  createdAt: 1_700_000_000_000,
  expiresAt: 1_700_000_060_000.5,
  cost: 1_234.5,
  codec: 2,
  rawLength: 77,
  tags: ["r1", "Olá 世界 😀"],
  payload: Buffer.from("an answer, as bytes"),
};
const BARE: SealInput = { ...SAMPLE, expiresAt: undefined, tags: [], payload: Buffer.alloc(0), codec: 0, rawLength: 0, cost: 0 };

/** The reason why bytes are refused; anything but `CORRUPT` is thrown on, and a payload is an error. */
function refusal(bytes: Uint8Array, key: string = KEY, scope: string = SCOPE): string {
  try {
    open(bytes, key, scope);
  } catch (error) {
    if (StrataError.isInstance(error) && error.code === "CORRUPT") return error.message;
    throw error;
  }
  throw new Error(`Accepted: ${Buffer.from(bytes).toString("hex")}`);
}

/** Changes bytes and makes the checksum fit again, as a writer with intent, or a faulty release, would. */
function forge(input: SealInput, change: (bytes: Buffer) => void): Buffer {
  const bytes = seal(input);
  change(bytes);
  bytes.writeUInt32LE(zlib.crc32(Buffer.concat([bytes.subarray(0, 72), bytes.subarray(76)])), 72);
  return bytes;
}

describe("round trip", () => {
  it("gives back every field and every byte", () => {
    const input = fc.record({
      createdAt: fc.double({ noNaN: true }),
      expiresAt: fc.option(fc.double({ min: 1, noNaN: true }), { nil: undefined }),
      cost: fc.float({ noNaN: true }),
      codec: fc.integer({ min: 0, max: 255 }),
      rawLength: fc.integer({ min: 0, max: 0xffff_ffff }),
      tags: fc.array(fc.string({ unit: fc.constantFrom("a", "é", "世", "😀", "\ud800", '"', "\\", "\0", "\n") })),
      payload: fc.uint8Array({ maxLength: 500 }),
      key: fc.string().map((text) => digest(text)),
      scope: fc.string().map((text) => digest(text)),
    });
    const property = fc.property(input, (sealed) => {
      const { key, scope, payload, ...header } = sealed;
      const opened = open(seal(sealed), key, scope);
      expect({ ...opened, payload: undefined }).toEqual({ ...header, payload: undefined });
      expect(Buffer.compare(opened.payload, payload)).toBe(0);
    });
    fc.assert(property, seeded(1_000));
  });

  it("gives the payload as a view of the bytes, not a copy", () => {
    const bytes = seal(SAMPLE);
    const { payload } = open(bytes, KEY, SCOPE);
    expect(payload.buffer).toBe(bytes.buffer);
    expect(payload.byteOffset).toBe(bytes.byteOffset + bytes.byteLength - SAMPLE.payload.byteLength);
  });

  it("reads bytes that lie at any place of a larger memory, as a view and not as a Buffer", () => {
    const bytes = seal(SAMPLE);
    for (let offset = 0; offset < 9; offset++) {
      const memory = new Uint8Array(bytes.byteLength + 20).fill(0xff);
      memory.set(bytes, offset);
      const view = memory.subarray(offset, offset + bytes.byteLength);
      expect(asBuffer(view).buffer).toBe(memory.buffer);
      expect(Buffer.from(open(view, KEY, SCOPE).payload).toString()).toBe("an answer, as bytes");
    }
  });
});

describe("damage", () => {
  it.each([
    ["with tags, payload and expiry", SAMPLE],
    ["with nothing but a header", BARE],
  ])("finds every single flipped bit of an envelope %s", (_what, input) => {
    const bytes = seal(input);
    for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(refusal(damaged)).toMatch(/^A stored value cannot be used: it/);
    }
    expect(open(bytes, KEY, SCOPE).codec).toBe(input.codec);
  });

  it.each([
    ["with tags, payload and expiry", SAMPLE],
    ["with nothing but a header", BARE],
  ])("finds every truncation and every extension of an envelope %s", (_what, input) => {
    const bytes = seal(input);
    for (let length = 0; length < bytes.byteLength; length++) {
      expect(refusal(bytes.subarray(0, length))).toMatch(length < 76 ? "shorter than a header" : "its length");
    }
    for (let start = 1; start < bytes.byteLength; start++) refusal(bytes.subarray(start));
    for (let extra = 1; extra <= 80; extra++) {
      expect(refusal(Buffer.concat([bytes, Buffer.alloc(extra)]))).toMatch("its length");
    }
    refusal(Buffer.concat([bytes, bytes]));
  });

  it("finds every burst of damage of up to 32 bits", () => {
    const bytes = seal(SAMPLE);
    const burst = fc.tuple(fc.nat({ max: bytes.byteLength * 8 - 32 }), fc.integer({ min: 1, max: 0xffff_ffff }));
    const property = fc.property(burst, ([at, mask]) => {
      const damaged = Buffer.from(bytes);
      for (let bit = 0; bit < 32; bit++) {
        if ((mask >>> bit) & 1) damaged[(at + bit) >> 3] = (damaged[(at + bit) >> 3] ?? 0) ^ (1 << ((at + bit) & 7));
      }
      refusal(damaged);
    });
    fc.assert(property, seeded(2_000));
  });

  it("refuses garbage, with and without the magic bytes", () => {
    const property = fc.property(fc.uint8Array({ maxLength: 400 }), (garbage) => {
      refusal(garbage);
      refusal(Buffer.concat([Buffer.from("STRA\x01"), garbage]));
    });
    fc.assert(property, seeded(1_000));
    refusal(Buffer.alloc(64 * 1024));
    refusal(Buffer.alloc(64 * 1024, 0xff));
  });

  it.each([
    ["not JSON", "[oops"],
    ["not a list", '{"0":"a"}'],
    ["not texts", '["a",1]'],
    ["null", "null"],
  ])("refuses tags that are %s, even under a checksum that fits", (_what, json) => {
    const padded = json.padEnd(40);
    const input = { ...SAMPLE, tags: ["x".repeat(36)] };
    const bytes = forge(input, (forged) => forged.write(padded, 76));
    expect(bytes.readUInt32LE(68)).toBe(40);
    expect(refusal(bytes)).toMatch("tags");
  });
});

describe("ownership", () => {
  it("refuses the bytes of another key and of another scope", () => {
    const bytes = seal(SAMPLE);
    expect(refusal(bytes, digest("other"))).toMatch("another key");
    expect(refusal(bytes, KEY, digest("scope", "tenant", "b"))).toMatch("another scope");
    expect(refusal(bytes, SCOPE, KEY)).toMatch("another key");
    expect(refusal(bytes, "", "")).toMatch("another key");
  });

  it("tells keys apart that differ in one of the fingerprint's characters only", () => {
    const bytes = seal(SAMPLE);
    for (let at = 0; at < 16; at++) {
      const near = KEY.slice(0, at) + (KEY[at] === "A" ? "B" : "A") + KEY.slice(at + 1);
      expect(refusal(bytes, near)).toMatch("another key");
    }
  });

  it("refuses every other version and every flag, under a checksum that fits", () => {
    for (const version of [0, 2, 3, 255]) {
      const bytes = forge(SAMPLE, (forged) => forged.writeUInt8(version, 4));
      expect(refusal(bytes)).toMatch(`its version is ${version}; this release reads 1`);
    }
    for (let flag = 0; flag < 16; flag++) {
      expect(refusal(forge(SAMPLE, (forged) => forged.writeUInt16LE(1 << flag, 6)))).toMatch("flags");
    }
  });
});

describe("version 1", () => {
  const fixture = readFileSync(new URL("../../fixtures/envelope-v1.hex", import.meta.url), "utf8");
  const stored = Buffer.from(fixture.replaceAll(/\s/g, ""), "hex");
  // Digests of version 1 keys, spelt out: the fixture must stay readable when the making of keys changes.
  const key = "strata-fixture-key-0123456789abcdefghijklmn";
  const scope = "strata-fixture-scope-0123456789abcdefghijkl";

  it("reads for ever what the first release stored", () => {
    const { payload, ...header } = open(stored, key, scope);
    expect(header).toEqual({
      createdAt: 1_700_000_000_000,
      expiresAt: 1_700_000_060_000.5,
      cost: 1_234.5,
      codec: 0,
      rawLength: 39,
      tags: ["r1", "Olá 世界 😀"],
    });
    expect(Buffer.from(payload).toString("utf8")).toBe('[{"text":"Strata: camadas, 层, 😀"}]');
  });

  it("lies in memory as the table says", () => {
    const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
    expect(stored.toString("latin1", 0, 4)).toBe("STRA");
    expect([view.getUint8(4), view.getUint8(5), view.getUint16(6, true)]).toEqual([1, 0, 0]);
    expect(stored.toString("latin1", 8, 24)).toBe(key.slice(0, 16));
    expect(stored.toString("latin1", 24, 40)).toBe(scope.slice(0, 16));
    expect([view.getFloat64(40, true), view.getFloat64(48, true)]).toEqual([1_700_000_000_000, 1_700_000_060_000.5]);
    expect(view.getFloat32(56, true)).toBe(1_234.5);
    const [rawLength, payloadLength, tagsLength] = [60, 64, 68].map((at) => view.getUint32(at, true)) as [number, number, number];
    expect([rawLength, 76 + tagsLength + payloadLength]).toEqual([39, stored.byteLength]);
    expect(view.getUint32(72, true)).toBe(zlib.crc32(Buffer.concat([stored.subarray(0, 72), stored.subarray(76)])));
    expect(JSON.parse(stored.toString("utf8", 76, 76 + tagsLength))).toEqual(["r1", "Olá 世界 😀"]);
  });

  it("is written byte for byte as the first release wrote it", () => {
    const { payload, ...header } = open(stored, key, scope);
    expect(seal({ ...header, key, scope, payload }).toString("hex")).toBe(stored.toString("hex"));
  });
});
