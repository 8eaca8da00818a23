import { AIMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { splitThinking, thinkSplitter, type SplitAnswer } from "../../../src/prompts/thinking.ts";

function inPieces(pieces: readonly string[], options?: Parameters<typeof thinkSplitter>[0]): SplitAnswer {
  const splitter = thinkSplitter(options);
  const parts = [...pieces.map((piece) => splitter.push(piece)), splitter.end()];
  return { reasoning: parts.map(({ reasoning }) => reasoning).join(""), text: parts.map(({ text }) => text).join("") };
}

describe("a whole answer", () => {
  test.each([
    ["<think>\nhm\n</think>\n\nYes.", "hm", "Yes."],
    ["  <think>hm</think>Yes.", "hm", "Yes."],
    ["Yes.", "", "Yes."],
    ["<think></think>Yes.", "", "Yes."],
    ["hm\n</think>\nYes.", "hm", "Yes."],
    ["<think>cut off", "cut off", ""],
    ["Write <think> to think.", "", "Write <think> to think."],
    ["Write <think>x</think> to think.", "", "Write <think>x</think> to think."],
    ["<think>a</think>b</think>c", "a", "b</think>c"],
    ["", "", ""],
  ])("%j", (answer, reasoning, text) => {
    expect(splitThinking(answer)).toEqual({ reasoning, text });
  });

  test("as a message has its thoughts where the integration put them", () => {
    const aside = new AIMessage({ content: "Yes.", additional_kwargs: { reasoning_content: "hm" } });
    expect(splitThinking(aside)).toEqual({ reasoning: "hm", text: "Yes." });
    const blocks = new AIMessage({
      content: [
        { type: "reasoning", reasoning: "hm" },
        { type: "text", text: "Yes." },
      ],
    });
    expect(splitThinking(blocks)).toEqual({ reasoning: "hm", text: "Yes." });
    expect(splitThinking(new AIMessage("<think>hm</think>Yes."))).toEqual({ reasoning: "hm", text: "Yes." });
  });
});

describe("a stream", () => {
  test("gives each part as soon as it is certain", () => {
    const splitter = thinkSplitter();
    expect(splitter.push("<th")).toEqual({ reasoning: "", text: "" });
    expect(splitter.push("ink>let me")).toEqual({ reasoning: "let me", text: "" });
    expect(splitter.push(" see </")).toEqual({ reasoning: " see ", text: "" });
    expect(splitter.push("thin")).toEqual({ reasoning: "", text: "" });
    expect(splitter.push("k>\n\nYes")).toEqual({ reasoning: "", text: "Yes" });
    expect(splitter.push(" < no")).toEqual({ reasoning: "", text: " < no" });
    expect(splitter.end()).toEqual({ reasoning: "", text: "" });
  });

  test("that begins inside the thoughts has the closing tag alone", () => {
    expect(inPieces(["hm</th", "ink>Yes."], { startsInside: true })).toEqual({ reasoning: "hm", text: "Yes." });
  });

  test("is taken apart alike, wherever it is cut", () => {
    const piece = fc.constantFrom("<think>", "</think>", "<", "think", ">", "</", " ", "\n", "a", "b");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat({ max: 60 }), { maxLength: 12 }), (pieces, cuts) => {
        const answer = pieces.join("");
        const at = [0, ...cuts.map((cut) => Math.min(cut, answer.length)).toSorted((a, b) => a - b), answer.length];
        const cut = at.slice(1).map((end, index) => answer.slice(at[index], end));
        expect(inPieces(cut)).toEqual(inPieces([answer]));
      }),
      { numRuns: 500 },
    );
  });
});
