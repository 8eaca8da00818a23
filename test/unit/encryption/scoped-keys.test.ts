import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { manualClock } from "../../../src/core/clock.ts";
import { digest } from "../../../src/core/key.ts";
import type { WrappedKey } from "../../../src/encryption/key-store.ts";
import { scopedKeys } from "../../../src/encryption/rings/scoped-keys.ts";
import { mapStore } from "../../fixtures/broken-keys/broken-keys.ts";

const ada = digest("scope", "user", "ada");
const bob = digest("scope", "user", "bob");
const [first, second] = [randomBytes(32), randomBytes(32)];

describe("keys of scopes", () => {
  test("lie wrapped: the store has nothing of them", async () => {
    const keys = new Map<string, WrappedKey>();
    const ring = scopedKeys({ master: { current: "m1", keys: { m1: first } }, store: mapStore(keys) });
    const { secret } = await ring.current({ scope: ada });
    const stored = JSON.stringify([...keys]);
    for (const form of ["hex", "base64", "base64url"] as const) expect(stored).not.toContain(secret.export().toString(form));
  });

  test("a record that was moved to another scope, renamed or changed does not unwrap", async () => {
    const keys = new Map<string, WrappedKey>();
    const master = { current: "m1", keys: { m1: first } };
    await scopedKeys({ master, store: mapStore(keys) }).current({ scope: ada });
    const record = keys.get(ada) as WrappedKey;
    const wrong: WrappedKey[] = [
      { ...record, scope: bob },
      { ...record, id: "another" },
      { ...record, within: [bob] },
      { ...record, wrapped: `${record.wrapped.slice(0, -4)}AAAA` },
      { ...record, wrapped: "" },
    ];
    for (const one of wrong) {
      const ring = scopedKeys({ master, store: mapStore(new Map([[one.scope, one]])) });
      expect(() => ring.current({ scope: one.scope })).toThrow(/does not fit/);
    }
  });

  test("the master key is rotated by wrapping records anew, and no value is touched", async () => {
    const store = mapStore();
    const before = await scopedKeys({ master: { current: "m1", keys: { m1: first } }, store }).current({ scope: ada });
    const rotating = scopedKeys({ master: { current: "m2", keys: { m1: first, m2: second } }, store });
    for await (const key of rotating.outdated()) await rotating.rewrap(key);
    const left: WrappedKey[] = [];
    for await (const key of rotating.outdated()) left.push(key);
    expect(left).toEqual([]);
    const after = scopedKeys({ master: { current: "m2", keys: { m2: second } }, store });
    const found = await after.byId(before.id, ada);
    expect(found?.secret.export()).toEqual(before.secret.export());
    expect(() => scopedKeys({ master: { current: "m1", keys: { m1: first } }, store }).byId(before.id, ada)).toThrow(
      /master key "m2"/,
    );
  });

  test("a process reads on under a key that another has dropped for as long as it trusts it, and no longer", async () => {
    const clock = manualClock();
    const store = mapStore();
    const master = { current: "m1", keys: { m1: first } };
    const [reader, other] = [scopedKeys({ master, store, clock, trustFor: "1m" }), scopedKeys({ master, store })];
    const { id } = await reader.current({ scope: ada });
    await other.drop(ada);
    await clock.advance(59_000);
    expect(await reader.byId(id, ada)).toBeDefined();
    await clock.advance(2_000);
    expect(await reader.byId(id, ada)).toBeUndefined();
  });
});
