import { describe, expect, test } from "vitest";
import { CompletionAssembler } from "../../../src/serve/chat/completion-stream.ts";
import type { Completion } from "../../../src/serve/chat/completion.ts";

type Piece = { index?: number; id?: string | null; function?: { name?: string | null; arguments?: string } };

/** What is put together of chunks with these calls of tools in them. */
function assembled(...deltas: readonly (readonly Piece[])[]): Completion | undefined {
  const assembler = new CompletionAssembler();
  const say = (delta: object, reason: string | null): void =>
    assembler.feed(`data: ${JSON.stringify({ id: "a", choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`);
  for (const calls of deltas) say({ tool_calls: calls }, null);
  say({}, "tool_calls");
  assembler.feed("data: [DONE]\n\n");
  return assembler.end();
}

const callsOf = (completion: Completion | undefined): unknown =>
  (completion?.choices[0]?.["message"] as { tool_calls?: unknown } | undefined)?.tool_calls;

describe("calls of tools that come in pieces", () => {
  test("may be numbered from 1", () => {
    const calls = assembled(
      [{ index: 1, id: "c", function: { name: "get_price", arguments: "" } }],
      [{ index: 1, function: { arguments: '{"symbol":' } }],
      [{ index: 1, function: { arguments: '"BTC"}' } }],
    );
    expect(callsOf(calls)).toEqual([{ id: "c", function: { name: "get_price", arguments: '{"symbol":"BTC"}' } }]);
  });

  test("are listed by their numbers, whichever came first, and however far apart", () => {
    const calls = assembled(
      [{ index: 1_000_000_000, id: "z", function: { name: "last" } }],
      [{ index: 3, id: "c", function: { name: "second" } }],
      [{ index: 0, id: "a", function: { name: "first" } }],
      [{ index: 3, function: { arguments: "{}" } }],
    );
    expect(callsOf(calls)).toEqual([
      { id: "a", function: { name: "first", arguments: "" } },
      { id: "c", function: { name: "second", arguments: "{}" } },
      { id: "z", function: { name: "last", arguments: "" } },
    ]);
  });

  test("go by their place where they have no number", () => {
    const calls = assembled(
      [
        { id: "a", function: { name: "first" } },
        { id: "b", function: { name: "second" } },
      ],
      [{ function: { arguments: "1" } }, { function: { arguments: "2" } }],
    );
    expect(callsOf(calls)).toEqual([
      { id: "a", function: { name: "first", arguments: "1" } },
      { id: "b", function: { name: "second", arguments: "2" } },
    ]);
  });

  test("keep the id that was said once", () => {
    const calls = assembled(
      [{ index: 0, id: "a", function: { name: "first" } }],
      [{ index: 0, id: null, function: { name: null, arguments: "{}" } }],
    );
    expect(callsOf(calls)).toEqual([{ id: "a", function: { name: "first", arguments: "{}" } }]);
  });

  test("make no answer when one has no name", () => {
    const named = { index: 0, id: "a", function: { name: "first" } };
    expect(assembled([named])).toBeDefined();
    expect(assembled([named], [{ index: 1, function: { arguments: "{}" } }])).toBeUndefined();
  });
});
