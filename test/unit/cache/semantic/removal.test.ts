import { describe, expect, it } from "vitest";
import type { SimilarityPolicy } from "../../../../src/cache/semantic/similarity-policy.ts";
import type { TieredCache } from "../../../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../../../src/cache/tiers/memory.ts";
import { door, settled } from "../../../support/scripted-model.ts";
import { semanticBed } from "../../../support/semantic-bed.ts";

const FIRST = "How do I reset my account password please";
const NEAR = "How do I reset my account password";
const scope = ({ config }: { config?: { configurable?: Record<string, unknown> } }) => {
  const { tenant, user } = config?.configurable ?? {};
  return { tenant: String(tenant), ...(user !== undefined && { user: user as string }) };
};
const by = (tenant: string, user?: string, strata: object = {}) => ({ configurable: { tenant, ...(user && { user }), strata } });

describe("what is removed from the tiers is removed from the index", () => {
  it.each<[string, (cache: TieredCache) => Promise<unknown>, number]>([
    ["clear()", (cache) => cache.clear(), 0],
    ["clear({ scope })", (cache) => cache.clear({ scope: { tenant: "acme" } }), 1],
    ["clear({ tag })", (cache) => cache.clear({ tag: "manual/v1" }), 2],
    ["clear({ scope, tag })", (cache) => cache.clear({ scope: { tenant: "acme" }, tag: "manual/v1" }), 2],
    ["clear({ scope, tag }) of others", (cache) => cache.clear({ scope: { tenant: "globex" }, tag: "manual/v1" }), 3],
    ["invalidate(pattern)", (cache) => cache.invalidate("manual/*"), 2],
    ["forget(scope)", (cache) => cache.forget({ tenant: "acme" }), 1],
    ["forget({ user })", (cache) => cache.forget({ user: "ann" }), 2],
  ])("by %s", async (_name, remove, left) => {
    const { ask, cache, index } = semanticBed({ scope });
    await ask(FIRST, by("acme", "ann"));
    await ask(FIRST, by("acme", "bob", { tags: ["manual/v1"] }));
    await ask(FIRST, by("globex"));
    expect(index.size).toBe(3);
    await remove(cache);
    expect(index.size).toBe(left);
  });

  it("leaves others theirs", async () => {
    const { ask, cache } = semanticBed({ scope });
    await ask(FIRST, by("acme"));
    await ask(FIRST, by("globex"));
    await cache.forget({ tenant: "acme" });
    expect((await ask(NEAR, by("acme"))).strata).toBeUndefined();
    expect((await ask(NEAR, by("globex"))).strata).toMatchObject({ source: "semantic" });
  });

  it("stays removed: a vector that waits is withdrawn, one that is being written is waited for", async () => {
    const { model, cache, index } = semanticBed();
    const written = door();
    index.before = (operation) => (operation === "add" ? written.opened : undefined);
    await model.invoke(FIRST);
    await settled();
    await model.invoke("What does the enterprise plan cost");
    const removing = cache.clear({ scope: { tenant: "acme" } });
    await settled();
    written.open();
    await removing;
    await cache.flush();
    expect(index.size).toBe(0);
  });

  it("stays removed: a verifier that says yes after `forget` makes no alias", async () => {
    const asked = door();
    const policy: SimilarityPolicy = { name: "unsure", decide: () => ({ action: "verify", candidate: 0, reason: "Unsure." }) };
    const verify = async (): Promise<boolean> => {
      await asked.opened;
      return true;
    };
    const { ask, model, cache, index } = semanticBed({ semantic: { policy, verifier: { name: "slow", verify } } });
    await ask(FIRST);
    const answer = model.invoke(NEAR);
    await settled();
    await cache.forget({ tenant: "acme" });
    asked.open();
    await answer;
    await cache.flush();
    expect(index.size).toBe(0);
    expect(cache.stats().semantic).toMatchObject({ aliases: 0 });
  });

  it.each(["wrong", "right"] as const)(
    "stays removed: that a hit was %s is told after `forget`, and nothing is kept of it",
    async (verdict) => {
      const tier = memoryTier();
      const { ask, cache, index } = semanticBed({ tiers: [tier] });
      await ask(FIRST);
      const { strata } = await ask(NEAR);
      await cache.forget({ tenant: "acme" });
      await cache.feedback(String(strata?.["hitId"]), verdict);
      await cache.flush();
      expect(index.size).toBe(0);
      const kept: string[] = [];
      for await (const entry of tier.entries()) kept.push(Buffer.from(entry.value).toString("utf8"));
      expect(kept.filter((text) => text.includes(NEAR))).toEqual([]);
    },
  );

  it("stays removed: an answer that comes later is refused by `forget`, and its question with it", async () => {
    const asked = door();
    const { model, cache, index } = semanticBed({
      script: {
        reply: async () => {
          await asked.opened;
          return "late";
        },
      },
    });
    const answer = model.invoke(FIRST);
    await settled();
    await cache.forget({ tenant: "acme" });
    asked.open();
    expect((await answer).text).toBe("late");
    await cache.flush();
    expect(index.size).toBe(0);
  });

  it("stays removed: an embedding that comes back later is not inserted", async () => {
    const { model, cache, index, embeddings } = semanticBed();
    const embedded = door();
    await model.invoke(FIRST);
    await cache.flush();
    embeddings.answer = async (text) => {
      await embedded.opened;
      return embeddings.vector(text);
    };
    await model.invoke(FIRST, { configurable: { strata: { refresh: true } } });
    await cache.clear();
    embedded.open();
    await cache.flush();
    expect(index.size).toBe(0);
  });

  it("is counted in the receipt, and so is a failure", async () => {
    const { ask, cache, index } = semanticBed();
    await ask(FIRST);
    expect(await cache.forget({ tenant: "acme" })).toMatchObject({ removed: { vectors: 1 }, complete: true });
    await ask(FIRST);
    index.before = () => {
      throw new Error("The index is down.");
    };
    expect(await cache.forget({ tenant: "acme" })).toMatchObject({
      failed: { vectors: "The index is down." },
      complete: false,
    });
    index.before = undefined;
    // The vector is still there, and leads nowhere.
    expect((await ask(NEAR)).strata).toBeUndefined();
  });

  it("a vector without its question serves nothing, and goes when it is met", async () => {
    const { ask, cache, index } = semanticBed();
    await ask(FIRST);
    await cache.clear({ tier: "memory" });
    expect(index.size).toBe(1);
    expect((await ask(NEAR)).text).toBe("answer 2");
    expect(index.size).toBe(1);
    expect((await ask(NEAR)).strata).toMatchObject({ source: "exact" });
  });

  it("closes the index with the cache, and lets nothing in afterwards", async () => {
    const { ask, cache, index, model } = semanticBed();
    await ask(FIRST);
    await cache.close();
    await cache.close();
    expect(index.closed).toBe(1);
    expect((await model.invoke(NEAR)).response_metadata["strata"]).toBeUndefined();
  });
});
