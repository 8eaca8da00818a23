import { randomUUID } from "node:crypto";

const ids = new WeakMap<object, string>();

/** A random name of an object, the same for as long as the object lives, and never another's. */
export function objectId(object: object): string {
  const known = ids.get(object) ?? randomUUID();
  ids.set(object, known);
  return known;
}
