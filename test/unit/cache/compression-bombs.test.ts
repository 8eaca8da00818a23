import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { decompress } from "../../../src/cache/compression.ts";
import { CODECS, GZIP } from "../../../src/cache/compressions/codecs.ts";
import { calmest } from "../../support/calmest.ts";

const MB = 1024 * 1024;
const COMPRESSION = fileURLToPath(new URL("../../../src/cache/compression.ts", import.meta.url));

interface Outcome {
  readonly error: string;
  /** Growth of the process's highest resident size, bytes. */
  readonly growth: number;
  readonly ms: number;
}

/**
 * Inflates `bytes` in a process of its own, whose highest resident size is then known; in this one, packing the bomb has already
 * raised it.
 */
async function inflateElsewhere(codec: number, bytes: Uint8Array, statedLength: number): Promise<Outcome> {
  const script = `
    import { decompress } from ${JSON.stringify(COMPRESSION)};
    const bytes = Buffer.from(process.argv[1], "base64");
    const peak = () => process.resourceUsage().maxRSS * 1024;
    await Promise.resolve(decompress(0, bytes, bytes.length));
    const [before, startedAt] = [peak(), performance.now()];
    let error = "none";
    try { await decompress(${codec}, bytes, ${statedLength}); } catch (thrown) { error = thrown.code + ": " + thrown.message; }
    process.stdout.write(JSON.stringify({ error, growth: peak() - before, ms: performance.now() - startedAt }));
  `;
  const options = ["--import", "tsx", "--input-type=module", "--eval", script, Buffer.from(bytes).toString("base64")];
  const { stdout } = await promisify(execFile)(process.execPath, options);
  return JSON.parse(stdout) as Outcome;
}

describe.each(CODECS)("a bomb of codec $id", (codec) => {
  const bomb = codec.packSync(Buffer.alloc(96 * MB), 9);

  it("is what it is called: it would grow more than a hundredfold", () => {
    expect(bomb.byteLength).toBeLessThan(MB);
  });

  it("is refused at the first byte beyond what the envelope states, on the main thread", async () => {
    const inflate = async (): Promise<number> => {
      const { error, growth, ms } = await inflateElsewhere(codec.id, bomb.subarray(0, 90_000), 100_000);
      expect(error).toMatch(/^CORRUPT/);
      expect(growth).toBeLessThan(24 * MB);
      return ms;
    };
    expect(await calmest(200, inflate)).toBeLessThan(200);
  });

  it("is refused in the pool, with no more memory than twice what the envelope states", async () => {
    const { error, growth } = await inflateElsewhere(codec.id, bomb.subarray(0, 90_000), 8 * MB);
    expect(error).toMatch(/^CORRUPT/);
    expect(growth).toBeLessThan(16 * MB + 16 * MB);
  });

  it("is not even opened when the envelope states more than the limit", async () => {
    const { error, growth } = await inflateElsewhere(codec.id, bomb.subarray(0, 90_000), 96 * MB);
    expect(error).toMatch(/^CORRUPT.*the limit is 67108864/);
    expect(growth).toBeLessThan(4 * MB);
  });
});

describe("work without output", () => {
  it("is refused before it is begun: a packed form longer than its payload, here of empty gzip members", () => {
    const payload = Buffer.from("x".repeat(1000));
    const empty = GZIP.packSync(new Uint8Array(0), 1);
    const bytes = Buffer.concat([...Array.from({ length: 100 }, () => empty), GZIP.packSync(payload, 1)]);
    expect(Buffer.compare(GZIP.unpackSync(bytes, 1000), payload)).toBe(0);
    expect(() => decompress(GZIP.id, bytes, 1000)).toThrow(/not shorter/);
  });
});
