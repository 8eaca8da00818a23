/** A backup of a cache, what it refuses, and somebody who was forgotten. Runs with no key and no server. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  backup,
  diskTier,
  expiredEntries,
  forgettingLog,
  memoryTier,
  restore,
  tierPart,
  TieredCache,
  verifyBackup,
} from "langchain-strata";

const folder = mkdtempSync(join(tmpdir(), "strata-example-"));
const [file, key] = [join(folder, "strata.backup"), randomBytes(32)];

const disk = diskTier({ path: join(folder, "cache") });
const cache = new TieredCache({ tiers: [memoryTier(), disk] });
for (const user of ["ana", "ben"]) await cache.set("plan", `the plan of ${user}`, { scope: { user } });
await cache.flush();

const written = await backup({ to: file, parts: [tierPart(disk)], key, system: "example" });
console.log(`Written: ${written.parts.map(({ name, records }) => `${records} of ${name}`).join(", ")}, ${written.signature}.`);
console.log(`Verified: ${(await verifyBackup({ from: file, key })).authentic}.`);

// One changed bit, and nothing at all is restored.
const bytes = readFileSync(file);
const damaged = join(folder, "damaged.backup");
const middle = Math.floor(bytes.length / 2);
bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
writeFileSync(damaged, bytes);
await verifyBackup({ from: damaged, key }).catch((error: Error) => console.log(`Refused: ${error.message}`));

// Ana is forgotten. The backup still holds her plan; the log sees to it that it does not come back.
const forgotten = forgettingLog({ path: join(folder, "forgotten.log") });
await forgotten.add({ scope: { user: "ana" } });
await cache.forget({ user: "ana" });

const other = diskTier({ path: join(folder, "other") });
const restored = new TieredCache({ tiers: [other] });
const report = await restore({ from: file, parts: [tierPart(other, { name: "disk" })], key, system: "example", forgotten });
for (const part of report.parts) console.log(`Restored: ${part.restored}, left out: ${part.forgotten}.`);
console.log(`Ana: ${await restored.get<string>("plan", { scope: { user: "ana" } })}`);
console.log(`Ben: ${await restored.get<string>("plan", { scope: { user: "ben" } })}`);

const plan = await expiredEntries({ tiers: [other] }).plan();
console.log(`To clean up: ${plan.items}.`);
await cache.close();
await restored.close();
rmSync(folder, { recursive: true });
