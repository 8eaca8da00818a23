/** Any message comes back equal from every place that keeps conversations. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { conversationBed, ENGINES } from "../../support/conversation-bed.ts";
import { anyMessage, contentsOf } from "../../support/any-message.ts";
import { seeded } from "../../unit/core/seeded.ts";

describe.each(ENGINES)("on %s", (engine) => {
  const bed = conversationBed(engine);

  test("any messages come back equal and in order, to who wrote them and to others", async () => {
    const [writer, reader] = [await bed.store(), await bed.store()];
    let session = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyMessage, { minLength: 1, maxLength: 12 }), async (messages) => {
        const sessionId = `session ${++session}`;
        await writer.history({ sessionId }).addMessages(messages);
        for (const store of [writer, reader]) {
          const read = await store.history({ sessionId }).getMessages();
          expect(structuredClone(read.map(contentsOf))).toEqual(structuredClone(messages.map(contentsOf)));
        }
      }),
      seeded(40),
    );
    await writer.drain();
    const { conversations } = await reader.conversations({ limit: 1_000 });
    expect(conversations).toHaveLength(session);
  });
});
