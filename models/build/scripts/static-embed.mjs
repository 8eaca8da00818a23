// Pure JavaScript, no dependency: sentence vectors from an int8 token table.  import { load } from './embed.mjs'; const embed = load(dir); embed('text') -> Float32Array (unit length)
import { readFileSync } from "node:fs";
export function load(dir) {
  const f = (n) => readFileSync(typeof dir === "string" ? `${dir.replace(/\/$/, "")}/${n}` : new URL(n, dir));
  const vocab = new Map(
    f("vocab.txt")
      .toString("utf8")
      .split("\n")
      .map((t, i) => [t, i]),
  );
  const b = f("table.i8"),
    q = new Int8Array(b.buffer, b.byteOffset, b.length),
    sb = f("scale.f32"),
    sc = new Float32Array(sb.buffer.slice(sb.byteOffset, sb.byteOffset + sb.length)),
    D = q.length / sc.length;
  const split = /[\p{L}\p{N}]+|[^\p{L}\p{N}\s]/gu,
    cache = new Map();
  const pieces = (w) => {
    let r = cache.get(w);
    if (r) return r;
    r = [];
    for (let st = 0; st < w.length;) {
      let e = w.length,
        id;
      for (; e > st; e--) {
        id = vocab.get((st ? "##" : "") + w.slice(st, e));
        if (id !== undefined) break;
      }
      if (id === undefined) {
        r = [0];
        break;
      }
      r.push(id);
      st = e;
    }
    if (cache.size > 20000) cache.clear();
    cache.set(w, r);
    return r;
  };
  return (text) => {
    const v = new Float32Array(D);
    for (const w of text
      .toLowerCase()
      .normalize("NFD")
      .replace(/\p{Mn}/gu, "")
      .match(split) ?? [])
      for (const i of pieces(w.slice(0, 100))) {
        const s = sc[i],
          o = i * D;
        for (let k = 0; k < D; k++) v[k] += q[o + k] * s;
      }
    let n = 0;
    for (let k = 0; k < D; k++) n += v[k] * v[k];
    n = Math.sqrt(n) || 1;
    for (let k = 0; k < D; k++) v[k] /= n;
    return v;
  };
}
