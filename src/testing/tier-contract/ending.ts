import { describe, expect, test } from "vitest";
import type { CacheTier } from "../../cache/tier.ts";
import type { CallOptions } from "../../core/abort.ts";
import { StrataError } from "../../core/errors.ts";
import { entryOf, keyOf, listed, textsOf, type TierBed } from "./tier-bed.ts";

type Call = readonly [name: string, call: (tier: CacheTier, options?: CallOptions) => unknown];

const CALLS: readonly Call[] = [
  ["get", (tier, options) => tier.get([keyOf("a")], options)],
  ["set", (tier, options) => tier.set([entryOf("a", { value: Buffer.from("newer") }), entryOf("new")], options)],
  ["delete", (tier, options) => tier.delete([keyOf("a")], options)],
  ["clear", (tier, options) => tier.clear({ tag: "red" }, options)],
  ["entries", (tier, options) => firstEntry(tier, options)],
];

export function endingContract(bed: TierBed): void {
  describe("ending", () => {
    test.each(CALLS)("does all of %s or nothing when its signal has aborted", async (_name, call) => {
      const { tier } = await bed.open();
      await tier.set([entryOf("a", { tags: ["red"] }), entryOf("b")]);
      const reason = new Error("The caller left.");
      await settled(() => call(tier, { signal: AbortSignal.abort(reason) })).catch((error: unknown) =>
        expect(error).toBe(reason),
      );
      const texts = await textsOf(tier, ["a", "new", "b"]);
      const [before, written, removed] = [
        ["value of a", undefined],
        ["newer", "value of new"],
        [undefined, undefined],
      ];
      expect([before, written, removed]).toContainEqual(texts.slice(0, 2));
      expect(texts[2]).toBe("value of b");
      await tier.set([entryOf("a")]);
      expect(await textsOf(tier, ["a"])).toEqual(["value of a"]);
    });

    test("can be closed twice, also while it closes", async () => {
      const { tier } = await bed.open();
      await tier.set([entryOf("a")]);
      await Promise.all([tier.close(), tier.close()]);
      await tier.close();
    });

    test("can be closed before it was used", async () => {
      const { tier } = await bed.open();
      await tier.close();
    });

    test.each(CALLS)("refuses %s after close with the code CLOSED", async (_name, call) => {
      const { tier } = await bed.open();
      await tier.set([entryOf("a")]);
      await tier.close();
      const error = await settled(() => call(tier)).then(
        () => "no error",
        (failure: unknown) => failure,
      );
      expect(StrataError.isInstance(error) ? error.code : error).toBe("CLOSED");
    });

    test("tells its size after close", async () => {
      const { tier } = await bed.open();
      await tier.set([entryOf("a")]);
      await tier.close();
      expect(tier.stats().evicted).toBe(0);
    });

    test("lists what it can when its signal aborts in the middle of a list", async () => {
      const { tier } = await bed.open();
      await tier.set(Array.from({ length: 2_000 }, (_, name) => entryOf(name)));
      const controller = new AbortController();
      const reason = new Error("The caller left.");
      const list = async (): Promise<void> => {
        for await (const _entry of tier.entries({ signal: controller.signal })) controller.abort(reason);
      };
      await list().catch((error: unknown) => expect(error).toBe(reason));
      expect(await listed(tier)).toHaveLength(2_000);
    });
  });
}

/** A call may throw or reject; here both reject. */
async function settled(call: () => unknown): Promise<unknown> {
  return await call();
}

async function firstEntry(tier: CacheTier, options: CallOptions | undefined): Promise<unknown> {
  for await (const entry of tier.entries(options)) return entry;
  return undefined;
}
