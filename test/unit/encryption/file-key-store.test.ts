import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { digest } from "../../../src/core/key.ts";
import type { KeyStore, WrappedKey } from "../../../src/encryption/key-store.ts";
import { fileKeyStore } from "../../../src/encryption/stores/file.ts";

const [ada, bob, acme] = ["ada", "bob", "acme"].map((name) => digest("scope", name)) as [string, string, string];

function filled(): { readonly path: string; readonly store: KeyStore } {
  const path = mkdtempSync(join(tmpdir(), "strata-keys-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  const store = fileKeyStore({ path });
  for (const scope of [ada, bob]) void store.add(keyOf(scope));
  return { path, store };
}

function keyOf(scope: string): WrappedKey {
  return { id: `key-${scope.slice(0, 4)}`, scope, within: [acme], master: "m1", wrapped: "d3JhcHBlZA", createdAt: 1 };
}

test.each([
  ["that was written over and not removed", (file: string) => writeFileSync(file, " ".repeat(150))],
  ["that is torn", (file: string) => truncateSync(file, 20)],
])("a record %s keeps nobody else from being forgotten", async (_name, damage) => {
  const { path, store } = filled();
  damage(join(path, `${bob}.json`));
  expect(await store.drop(acme)).toBe(1);
  expect(await store.find(ada)).toBeUndefined();
  expect(await store.drop(bob)).toBe(1);
  expect(readdirSync(path)).toEqual([]);
});

test("what processes that were killed have left goes with the next that is dropped", async () => {
  const { path, store } = filled();
  const record = readFileSync(join(path, `${bob}.json`));
  writeFileSync(join(path, ".halfway.gone"), record);
  for (const name of [".abandoned.new", ".underway.new"]) writeFileSync(join(path, name), record);
  utimesSync(join(path, ".abandoned.new"), 1, 1);
  await store.drop(ada);
  expect(readdirSync(path).toSorted()).toEqual([".underway.new", `${bob}.json`].toSorted());
});
