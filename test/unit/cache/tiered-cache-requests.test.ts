/** What LangChain hands over, however large or broken: looked up and stored, or stood aside for, and never an exception. */
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { cacheBed } from "../../support/cache-bed.ts";
import { chatAnswer, llmKey, messageOf } from "../../support/model-answers.ts";
import { scriptedTier } from "../../support/scripted-tier.ts";

const KEY = llmKey();

describe("what comes from LangChain", () => {
  const MEGABYTE = 1024 * 1024;

  test("a prompt of 10 MB is looked up and stored like any other", async () => {
    const { cache, lookup, store } = cacheBed({ tiers: [memoryTier()] });
    const prompt = "p".repeat(10 * MEGABYTE);
    await store(prompt, "42");
    expect(await lookup(prompt)).toBe("42");
    expect(await lookup(`${prompt}!`)).toBeUndefined();
    await cache.close();
  });

  test("prompts that differ in a lone half of a surrogate pair do not share an answer", async () => {
    const { cache, lookup, store } = cacheBed({ tiers: [memoryTier()] });
    const prompts = ["\ud800", "\ud801", "\udc00", "\ufffd", "\ud800\udc00", "a\ud800", "\ud800a", "??"];
    for (const [index, prompt] of prompts.entries()) await store(prompt, `answer ${index}`);
    for (const [index, prompt] of prompts.entries()) expect(await lookup(prompt)).toBe(`answer ${index}`);
    await cache.close();
  });

  test("a key of the model that is no such thing never fails a call", async () => {
    const { cache } = cacheBed({ tiers: [memoryTier()] });
    const deep = `model:"m",tools:${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    for (const key of ["", " ", ",", ":", 'model:"', "model:{", deep, "x".repeat(3 * MEGABYTE), 'model:"m",_type:undefined']) {
      await cache.update("prompt", key, chatAnswer("42"));
      await cache.lookup("prompt", key);
      await cache.lookup("prompt", KEY);
    }
    await cache.close();
  });

  test("a model without a name is warned of once, with what to do", async () => {
    const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    onTestFinished(() => warnings.mockRestore());
    const { cache } = cacheBed({ tiers: [memoryTier()] });
    for (const prompt of ["a", "b"]) await cache.lookup(prompt, 'temperature:0.5,_type:"ollama"');
    expect(warnings.mock.calls).toEqual([[expect.stringContaining("modelId"), { code: "STRATA_MODEL" }]]);
    await cache.close();
  });

  test("an empty key of the model is unidentified, unless the user names the model", async () => {
    const { cache, lookup, events } = cacheBed({ tiers: [memoryTier()] });
    await lookup("prompt");
    await cache.lookup("prompt", "");
    expect(events("cache.bypass")).toEqual([{ reason: "model-unidentified" }]);
    await cache.close();

    const named = cacheBed({ tiers: [memoryTier()], modelId: "mine" });
    await named.cache.update("prompt", "", chatAnswer("42"));
    expect(messageOf(await named.cache.lookup("prompt", "")).content).toBe("42");
    await named.lookup("prompt");
    expect(messageOf(await named.cache.lookup("prompt", "")).content).toBe("42");
    await named.cache.close();
  });

  test.each(["image", "audio", "video", "file", "text-plain file", "image_url", "document", "media", "input_audio"])(
    "a prompt in which LangChain put [%s] in the place of the content is not cached",
    async (placeholder) => {
      const { cache, events, store } = cacheBed({ tiers: [memoryTier()] });
      const prompt = `Human: What is this?[${placeholder}]`;
      await store(prompt, "a cat");
      expect(await cache.lookup(prompt, KEY)).toBeNull();
      expect(events("cache.bypass")).toEqual([{ reason: "placeholder" }, { reason: "placeholder" }]);
      expect(cache.stats().tiers[0]?.entries).toBe(0);
      await cache.close();
    },
  );

  test("brackets that are no placeholder change nothing", async () => {
    const { cache, lookup, store } = cacheBed({ tiers: [memoryTier()] });
    const prompt = 'Human: sort [3, 1]\nAI: [{"name":"sort","args":{"list":[3,1]}}]\nTool: [1,3] image] [ image ]';
    await store(prompt, "42");
    expect(await lookup(prompt)).toBe("42");
    await cache.close();
  });

  test("answers larger than `maxValueBytes` are not stored", async () => {
    const { cache, lookup, events, store } = cacheBed({ tiers: [memoryTier()], maxValueBytes: "1kb" });
    await store("large", "x".repeat(1_025));
    await store("small", "x".repeat(500));
    expect(await lookup("large")).toBeUndefined();
    expect(await lookup("small")).toHaveLength(500);
    expect(events("cache.bypass")).toEqual([{ reason: "too-large" }]);
    await cache.close();
  });

  test("answers up to `maxValueBytes` reach the tiers behind, however large that is", async () => {
    const tier = scriptedTier({ name: "tier" });
    const { cache, store } = cacheBed({ tiers: [tier], maxValueBytes: "100mb" });
    await store("prompt", "x".repeat(70 * MEGABYTE));
    await cache.flush();
    expect(cache.stats().tiers[0]).toMatchObject({ entries: 1, dropped: 0 });
    await cache.close();
  });

  test("an answer without candidates is not stored", async () => {
    const { cache, events } = cacheBed({ tiers: [memoryTier()] });
    await cache.update("prompt", KEY, []);
    expect(events("cache.bypass")).toEqual([{ reason: "not-admitted" }]);
    await cache.close();
  });
});
