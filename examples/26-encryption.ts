/** Answers and conversations encrypted at rest, a rotation, and somebody forgotten by a key. Runs with no key of a provider and no server. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HumanMessage } from "@langchain/core/messages";
import { ConversationStore, diskTier, fileKeyStore, rewrapKeys, scopedKeys, TieredCache } from "langchain-strata";
import { pgliteClient } from "langchain-strata/pglite";

const folder = mkdtempSync(join(tmpdir(), "strata-example-"));
const [older, newer] = [randomBytes(32), randomBytes(32)];
const store = fileKeyStore({ path: join(folder, "keys") });
// The newer master key is known before it is the current one, to every process: then none meets a key that it cannot unwrap.
const masters = { may: older, november: newer };
const keys = scopedKeys({ master: { current: "may", keys: masters }, store });
const encryption = { keys, required: true };

// A cache on disk, and a history in PostgreSQL that runs in this process.
const cache = new TieredCache({ tiers: [diskTier({ path: join(folder, "cache") })], encryption });
for (const user of ["ana", "ben"]) await cache.set("plan", `the plan of ${user}`, { scope: { user } });
await cache.flush();
const sql = pgliteClient();
const conversations = new ConversationStore({ sql, encryption });
await conversations.history({ sessionId: "s", ownerId: "ana" }).addMessages([new HumanMessage("I sell my boat.")]);

const [row] = await sql.query<{ payload: string }>("SELECT payload FROM strata_messages");
console.log(
  `On the disk: ${readFileSync(join(folder, "cache", "data.mdb")).includes("the plan of ana") ? "readable" : "noise"}.`,
);
console.log(`In PostgreSQL: ${row?.payload.slice(0, 16)}…`);
const planOf = async (user: string): Promise<string> => (await cache.get<string>("plan", { scope: { user } })) ?? "nothing";
console.log(`For Ana: ${await planOf("ana")}.`);

// A new master key: the small records are wrapped anew, and no value is touched.
const rotated = scopedKeys({ master: { current: "november", keys: masters }, store });
const { items } = await rewrapKeys({ keys: rotated }).run();
console.log(`Wrapped anew: ${items} keys.`);

// Ana is forgotten: her keys are gone, whoever still has a copy of her values.
await cache.forget({ user: "ana" });
await conversations.forget({ ownerId: "ana" });
console.log(`Keys that are left: ${readdirSync(join(folder, "keys")).filter((name) => name.endsWith(".json")).length}.`);
console.log(`Ana: ${await planOf("ana")}; Ben: ${await planOf("ben")}.`);

await cache.close();
await conversations.close();
await sql.close();
rmSync(folder, { recursive: true });
