/**
 * The contract of `KeyStore` as tests. This package's own stores are held to it; `test/contract/broken-keys.test.ts` shows that it fails
 * those that do not keep it.
 */
import { describe, expect, test } from "vitest";
import type { MaybePromise } from "../core/abort.ts";
import { digest } from "../core/key.ts";
import type { KeyStore, WrappedKey } from "../encryption/key-store.ts";

/** Called once for each test, for a place that nobody has used: two stores on that one place, as two processes have them. */
export type MakeKeyStores = () => MaybePromise<{ readonly one: KeyStore; readonly other: KeyStore }>;

const ada = digest("scope", "user", "ada");
const bob = digest("scope", "user", "bob");
const acme = digest("scope", "tenant", "acme");

let made = 0;
function keyFor(scope: string, rest: Partial<WrappedKey> = {}): WrappedKey {
  return { id: `key-${made++}`, scope, within: [], master: "m1", wrapped: "d3JhcHBlZA", createdAt: 1_767_268_800_123, ...rest };
}

/** Declares the tests that all stores of wrapped keys must pass, under `describe(name)`. Needs `vitest`. */
export function describeKeyStore(name: string, make: MakeKeyStores): void {
  describe(name, () => {
    test("what was added is found as it was, also by another process", async () => {
      const { one, other } = await make();
      const key = keyFor(ada, { within: [acme, bob] });
      expect(await one.find(ada)).toBeUndefined();
      expect(await one.add(key)).toEqual(key);
      expect(await one.find(ada)).toEqual(key);
      expect(await other.find(ada)).toEqual(key);
      expect(await other.find(bob)).toBeUndefined();
    });

    test("of many who add a key for one scope at once, all get the same", async () => {
      const { one, other } = await make();
      const added = await Promise.all(Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? one : other).add(keyFor(ada))));
      expect(new Set(added.map(({ id }) => id)).size).toBe(1);
      expect((await other.find(ada))?.id).toBe(added[0]?.id);
    });

    test("what was dropped is found by nobody, and only that", async () => {
      const { one, other } = await make();
      await one.add(keyFor(ada));
      await one.add(keyFor(bob));
      expect(await other.drop(ada)).toBe(1);
      expect(await one.find(ada)).toBeUndefined();
      expect(await one.find(bob)).toBeDefined();
      expect(await one.drop(ada)).toBe(0);
    });

    test("whoever drops a scope drops those within it", async () => {
      const { one } = await make();
      await one.add(keyFor(ada, { within: [acme] }));
      await one.add(keyFor(bob));
      expect(await one.drop(acme)).toBe(1);
      expect(await one.find(ada)).toBeUndefined();
      expect(await one.find(bob)).toBeDefined();
    });

    test("a scope whose key was dropped can have another", async () => {
      const { one } = await make();
      await one.add(keyFor(ada));
      await one.drop(ada);
      const again = keyFor(ada);
      expect(await one.add(again)).toEqual(again);
    });

    test("a key is wrapped anew in place, and a dropped one does not come back by it", async () => {
      const { one, other } = await make();
      const key = await one.add(keyFor(ada));
      await one.rewrap({ ...key, master: "m2", wrapped: "YW5ldw" });
      expect(await other.find(ada)).toEqual({ ...key, master: "m2", wrapped: "YW5ldw" });
      await one.drop(ada);
      await other.rewrap({ ...key, master: "m3" });
      expect(await one.find(ada)).toBeUndefined();
      const next = await one.add(keyFor(ada));
      await other.rewrap({ ...key, master: "m3" });
      expect(await one.find(ada)).toEqual(next);
    });

    test("all keys are listed once", async () => {
      const { one, other } = await make();
      const keys = Array.from({ length: 30 }, (_, at) => keyFor(digest("scope", "user", String(at))));
      for (const key of keys) await one.add(key);
      const listed: string[] = [];
      for await (const { id } of other.list()) listed.push(id);
      expect(listed.toSorted()).toEqual(keys.map(({ id }) => id).toSorted());
    });
  });
}
