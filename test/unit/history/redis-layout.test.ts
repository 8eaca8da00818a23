import { expect, test } from "vitest";
import { packMessage, unpackMessage } from "../../../src/history/redis/layout.ts";

const LONG = 'she said: "it is\n\\ over", né? \u{1f600} '.repeat(20);
const base = { id: 'a|b\n"', role: "human", createdAt: 1_700_000_000_000 };

test.each([
  ["a text that the payload quotes", LONG, JSON.stringify({ before: "\u{1f600}", content: LONG, after: 1 })],
  ["a text that it does not", LONG, "{}"],
  ["a short text", "yes", JSON.stringify({ content: "yes" })],
  ["no text", "", "{}"],
])("a message comes back equal: %s", (_, text, payload) => {
  const message = { ...base, name: "ana", text, payload };
  expect(unpackMessage(`17|${packMessage(message)}`)).toEqual({ ...message, seq: 17 });
});

test("a text that the payload quotes is there once", () => {
  const payload = JSON.stringify({ content: LONG });
  expect(packMessage({ ...base, text: LONG, payload }).length).toBeLessThan(payload.length + 100);
});

test.each([
  '1|["a","b",null,1]\n{}',
  '1|["a","b",null,1,0,2]\n{}',
  '1|["a","b",null,1,"t",2]\n""',
  '1|{}\n""',
  '0|["a","b",null,1,"t"]\n{}',
])("what is no message is refused: %j", (packed) => {
  expect(() => unpackMessage(packed)).toThrow(SyntaxError);
});
