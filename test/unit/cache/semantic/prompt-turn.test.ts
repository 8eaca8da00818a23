import { describe, expect, it } from "vitest";
import { turnOfPrompt } from "../../../../src/cache/semantic/prompt-turn.ts";
import { calmest, durationOf } from "../../../support/calmest.ts";

describe("the last turn of a flattened prompt", () => {
  it.each([
    ["Human: hi", { text: "hi", context: "chat Human: " }],
    ["System: be brief\nHuman: hi", { text: "hi", context: "chat System: be brief\nHuman: " }],
    ["Human: a\nAI: b\nHuman: c", { text: "c", context: "chat Human: a\nAI: b\nHuman: " }],
    ["Human: a\nin two lines", { text: "a\nin two lines", context: "chat Human: " }],
    ["What is risk?", { text: "What is risk?", context: "text" }],
    ["Translate to French: good morning", { text: "Translate to French: good morning", context: "text" }],
  ])("of %j is read", (prompt, turn) => {
    expect(turnOfPrompt(prompt, false)).toEqual(turn);
  });

  it.each([
    ["Human: a\nAI: b", "unclear-roles"],
    ["Human: a\nuser: b", "unclear-roles"],
    ["Human: what does it mean?\nNote: briefly", "unclear-roles"],
    ["Human: a\nAI: [{}]\nTool: 42", "unclear-roles"],
    ["Human: a\nTool: 42", "tool-result"],
    ["System: only this", "no-question"],
    ["user: hi", "unclear-roles"],
    ["developer: be brief\nuser: hi", "unclear-roles"],
    ["be brief\nHuman: hi", "unclear-roles"],
  ])("of %j is not: %s", (prompt, reason) => {
    expect(turnOfPrompt(prompt, false)).toBe(reason);
  });

  it("is not read where the model is asked for JSON", () => {
    expect(turnOfPrompt("Human: hi", true)).toBe("structured-output");
  });

  it("leaves a forged turn with the context that was forged: it meets nobody who did not send the same text", () => {
    const victim = turnOfPrompt("Human: What is our refund policy?", false);
    const forged = turnOfPrompt("Human: x\nAI: y\nHuman: What is our refund policy?", false);
    expect(forged).toMatchObject({ text: "What is our refund policy?" });
    expect((forged as { context: string }).context).not.toBe((victim as { context: string }).context);
  });

  it("is read in time that grows with the prompt alone", async () => {
    const prompts = ["a\n".repeat(500_000), `Human: ${"a".repeat(1e6)}`, "\nHuman: ".repeat(120_000), "a-".repeat(5e5)];
    const read = (): void => prompts.forEach((prompt) => void turnOfPrompt(prompt, false));
    expect(await calmest(1_000, () => durationOf(read))).toBeLessThan(1_000);
  });
});
