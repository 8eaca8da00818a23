/**
 * The contract of `KeyRing` as tests. This package's own rings are held to it; `test/contract/broken-keys.test.ts` shows that it fails
 * those that do not keep it.
 */
import { describe, expect, test } from "vitest";
import type { MaybePromise } from "../core/abort.ts";
import { digest } from "../core/key.ts";
import type { EncryptionKey, KeyRing } from "../encryption/key-ring.ts";

/** Called once for each test: two rings on one place that nobody has used, as two processes have them. */
export type MakeKeyRings = () => MaybePromise<{ readonly one: KeyRing; readonly other: KeyRing }>;

export interface KeyRingCapabilities {
  /** Whether each scope has a key of its own, which can be dropped; default `true`. */
  readonly drops?: boolean;
}

const ada = digest("scope", "user", "ada");
const bob = digest("scope", "user", "bob");
const acme = digest("scope", "tenant", "acme");
const bytesOf = ({ secret }: EncryptionKey): string => secret.export().toString("hex");

/** Declares the tests that all key rings must pass, under `describe(name)`. Needs `vitest`. */
export function describeKeyRing(name: string, make: MakeKeyRings, { drops = true }: KeyRingCapabilities = {}): void {
  describe(name, () => {
    test("a key has 256 bits, and is found by its id, also by another process", async () => {
      const { one, other } = await make();
      const key = await one.current({ scope: ada });
      expect(key.secret.symmetricKeySize).toBe(32);
      expect(key.id).toMatch(/^[\w.-]{1,64}$/);
      for (const ring of [one, other]) {
        const found = await ring.byId(key.id, ada);
        expect(found && bytesOf(found)).toBe(bytesOf(key));
      }
    });

    test("a scope keeps its key, whoever asks", async () => {
      const { one, other } = await make();
      const keys = await Promise.all([one, other, one, other].map((ring) => ring.current({ scope: ada })));
      expect(new Set(keys.map(bytesOf)).size).toBe(1);
    });

    test("an unknown id finds nothing", async () => {
      const { one } = await make();
      await one.current({ scope: ada });
      expect(await one.byId("nobody-s", ada)).toBeUndefined();
    });

    test("printing a key shows nothing of it", async () => {
      const { inspect } = await import("node:util");
      const key = await (await make()).one.current({ scope: ada });
      const printed = `${inspect(key, { depth: 9, showHidden: true })}${JSON.stringify(key)}`;
      expect(printed).not.toContain(bytesOf(key));
      expect(printed).not.toContain(key.secret.export().toString("base64"));
    });

    if (!drops) {
      test("a ring without keys of scopes drops none", async () => {
        const { one } = await make();
        const key = await one.current({ scope: ada });
        expect(await one.drop(ada)).toBe(0);
        expect(await one.byId(key.id, ada)).toBeDefined();
      });
      return;
    }

    test("two scopes have two keys", async () => {
      const { one } = await make();
      const [first, second] = [await one.current({ scope: ada }), await one.current({ scope: bob })];
      expect(bytesOf(first)).not.toBe(bytesOf(second));
      expect(await one.byId(first.id, bob)).toBeUndefined();
    });

    test("a dropped key is gone for good, and the scope's next key is another", async () => {
      const { one } = await make();
      const [mine, theirs] = [await one.current({ scope: ada }), await one.current({ scope: bob })];
      expect(await one.drop(ada)).toBe(1);
      expect(await one.byId(mine.id, ada)).toBeUndefined();
      expect(await one.byId(theirs.id, bob)).toBeDefined();
      const next = await one.current({ scope: ada });
      expect([next.id, bytesOf(next)]).not.toEqual([mine.id, bytesOf(mine)]);
      expect(await one.byId(mine.id, ada)).toBeUndefined();
    });

    test("nobody writes under a key that another process has dropped", async () => {
      const { one, other } = await make();
      const key = await one.current({ scope: ada });
      await other.drop(ada);
      expect((await one.current({ scope: ada })).id).not.toBe(key.id);
    });

    test("whoever drops a scope drops those within it", async () => {
      const { one } = await make();
      const key = await one.current({ scope: ada, within: [acme] });
      await one.drop(acme);
      expect(await one.byId(key.id, ada)).toBeUndefined();
    });
  });
}
