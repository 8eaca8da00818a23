/**
 * What encryption at rest costs: `npm run bench:encryption`. Values of 2 and 8 KB sealed and opened, beside AES-256-GCM of Node by itself,
 * under a key of the caller's and, last, a hit of an encrypted disk tier beside a plain one.
 */
import { createCipheriv, createSecretKey, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digest } from "../../src/core/key.ts";
import { openValue, sealValue } from "../../src/encryption/sealed.ts";
import { diskTier, encryptedTier, staticKeys, systemClock, type CacheTier } from "../../src/index.ts";
import { provenance, race, table } from "../harness.ts";

const key = { id: "bench", secret: createSecretKey(randomBytes(32)) };
const [scope, place] = [digest("scope", "bench"), digest("entry")];
const rounds = process.argv.includes("--quick") ? 2 : 20;
const CALLS = 500;

function cipherAlone(plain: Buffer): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key.secret, randomBytes(12));
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

console.log(provenance());
for (const bytes of [2_048, 8_192]) {
  const plain = randomBytes(bytes);
  const sealed = sealValue(key, { scope, place }, plain);
  const timings = await race(
    [
      { name: "AES-256-GCM alone", run: () => cipherAlone(plain) },
      { name: "seal", run: () => sealValue(key, { scope, place }, plain) },
      { name: "open", run: () => openValue(key, place, sealed) },
    ],
    { rounds, callsPerRound: CALLS, input: () => undefined },
  );
  console.log(table(`${bytes} bytes`, timings, "AES-256-GCM alone"));
}

const folder = mkdtempSync(join(tmpdir(), "strata-bench-"));
const open = (name: string): CacheTier => diskTier({ path: join(folder, name) });
const ring = staticKeys({ current: "bench", keys: { bench: key.secret } });
const tiers = { plain: open("plain"), encrypted: encryptedTier(open("encrypted"), { keys: ring }) };
const keys = Array.from({ length: CALLS }, (_, index) => digest("entry", String(index)));
for (const tier of Object.values(tiers)) {
  tier.attach?.({ clock: systemClock, random: Math.random, evicted: () => undefined, fault: () => undefined });
  await tier.set(keys.map((name) => ({ key: name, value: randomBytes(4_096), scope })));
}
const hits = await race(
  Object.entries(tiers).map(([name, tier]) => ({
    name: `disk tier, ${name}`,
    run: (_input: undefined, index: number) => tier.get([keys[index] ?? ""]),
  })),
  { rounds, callsPerRound: CALLS, input: () => undefined },
);
console.log(table("a hit of 4 KB", hits, "disk tier, plain"));
await Promise.all(Object.values(tiers).map((tier) => tier.close()));
rmSync(folder, { recursive: true });
