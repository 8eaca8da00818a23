/** Random commands, one after another, against a model: two lists. What the log reads and answers must agree with it each time. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Conversation, MessageLog } from "../../history/message-log.ts";
import { areGrowing, idsOf, message, type MessageLogBed } from "./bed.ts";

const TALKS: readonly Conversation[] = [
  { ownerId: "o", sessionId: "1" },
  { ownerId: "o", sessionId: "2" },
  { ownerId: "p", sessionId: "1" },
];

type Command =
  | { readonly kind: "append"; readonly talk: number; readonly ids: readonly number[] }
  | { readonly kind: "read"; readonly talk: number; readonly limit: number }
  | { readonly kind: "clear"; readonly talk: number }
  | { readonly kind: "forget"; readonly talk: number }
  | { readonly kind: "drain" };

const talk = fc.nat(TALKS.length - 1);
const commands: fc.Arbitrary<readonly Command[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constant("append" as const), talk, ids: fc.array(fc.nat(150), { maxLength: 40 }) }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("read" as const), talk, limit: fc.nat(200) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("clear" as const), talk }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("forget" as const), talk }) },
    { weight: 2, arbitrary: fc.constant<Command>({ kind: "drain" }) },
  ),
  { minLength: 5, maxLength: 25 },
);

/** Some fixed runs: a suite that is red once is red again. */
const RUNS = { numRuns: 12, seed: 20_260_101 };

export function modelContract(bed: MessageLogBed): void {
  describe("whatever happens", () => {
    test("agrees with a list, whatever is appended, read, cleared and forgotten", async () => {
      await fc.assert(
        fc.asyncProperty(commands, async (list) => {
          const log = await bed.open();
          try {
            await run(log, list);
          } finally {
            await log.close();
          }
        }),
        RUNS,
      );
    });
  });
}

async function run(log: MessageLog, list: readonly Command[]): Promise<void> {
  const model = TALKS.map(() => new Map<string, number>());
  const given = TALKS.map(() => 0);
  for (const command of list) {
    if (command.kind === "drain") {
      await log.drain();
      continue;
    }
    const conversation = TALKS[command.talk] as Conversation;
    const known = model[command.talk] as Map<string, number>;
    if (command.kind === "append") {
      const ids = command.ids.map((id) => `m ${id}`);
      const before = new Map(known);
      const { seqs, added } = await log.append(
        conversation,
        ids.map((id) => message(id)),
      );
      for (const [index, id] of ids.entries()) {
        const seq = seqs[index] as number;
        if (!known.has(id)) known.set(id, seq);
        expect(seq).toBe(known.get(id));
      }
      expect(added).toBe(known.size - before.size);
      const fresh = [...known.values()].slice(before.size);
      expect(areGrowing([given[command.talk] as number, ...fresh].filter((seq) => seq > 0))).toBe(true);
      given[command.talk] = Math.max(given[command.talk] as number, ...fresh);
    } else if (command.kind === "read") {
      const ids = [...known.keys()];
      const stored = await log.read(conversation, { limit: command.limit });
      expect(idsOf(stored)).toEqual(command.limit === 0 ? [] : ids.slice(-command.limit));
      for (const { id, seq } of stored) expect(seq).toBe(known.get(id));
    } else if (command.kind === "clear") {
      expect(await log.clear(conversation)).toBe(known.size);
      known.clear();
    } else {
      let all = 0;
      for (const [index, { ownerId }] of TALKS.entries()) {
        if (ownerId !== conversation.ownerId) continue;
        all += model[index]?.size ?? 0;
        model[index]?.clear();
        // What is begun after it is another conversation, with numbers of its own.
        given[index] = 0;
      }
      expect(await log.forget(conversation.ownerId)).toBe(all);
    }
  }
  await log.drain();
  for (const [index, conversation] of TALKS.entries()) {
    expect(idsOf(await log.read(conversation))).toEqual([...(model[index]?.keys() ?? [])]);
  }
}
