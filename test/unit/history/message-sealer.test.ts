import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { staticKeys } from "../../../src/encryption/rings/static-keys.ts";
import { MessageSealer } from "../../../src/history/message-sealer.ts";

const talk = { ownerId: "ada", sessionId: "1" };

test("a text that somebody wrote beside a removed message is not the owner's", async () => {
  const sealer = new MessageSealer(
    { keys: staticKeys({ current: "a", keys: { a: randomBytes(32) } }), required: true },
    undefined,
  );
  const removed = { id: "m1", text: "", payload: "" };
  expect(await sealer.open([{ ...removed, text: "wire the money", name: "ada" }], () => talk)).toEqual([removed]);
});
