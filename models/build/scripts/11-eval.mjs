// node scripts/11-eval.mjs NAME onnx DIR | NAME static DIR | NAME base      -> one JSON line
import { readFileSync, statSync } from "node:fs";
import { onnxEmbedder, BASE } from "./tok.mjs";
import * as sanity from "../eval/sanity.mjs";
import { facts } from "../eval/memory.mjs";
const [, , name, kind, dir] = process.argv;
const cos = (a, b) => {
  let d = 0,
    x = 0,
    y = 0;
  for (let i = 0; i < a.length; i++) {
    d += a[i] * b[i];
    x += a[i] * a[i];
    y += b[i] * b[i];
  }
  return x && y ? d / Math.sqrt(x * y) : 0;
};
const rank = (a) => {
  const o = a.map((v, i) => [v, i]).sort((p, q) => p[0] - q[0]);
  const r = Array(a.length);
  for (let i = 0; i < o.length;) {
    let j = i;
    while (j < o.length && o[j][0] === o[i][0]) j++;
    for (let k = i; k < j; k++) r[o[k][1]] = (i + j - 1) / 2;
    i = j;
  }
  return r;
};
const pearson = (a, b) => {
  const n = a.length,
    ma = a.reduce((s, v) => s + v) / n,
    mb = b.reduce((s, v) => s + v) / n;
  let c = 0,
    x = 0,
    y = 0;
  for (let i = 0; i < n; i++) {
    c += (a[i] - ma) * (b[i] - mb);
    x += (a[i] - ma) ** 2;
    y += (b[i] - mb) ** 2;
  }
  return c / Math.sqrt(x * y);
};
const spearman = (a, b) => pearson(rank(a), rank(b));
const auc = (pos, neg) => {
  let s = 0;
  for (const p of pos) for (const n of neg) s += p > n ? 1 : p === n ? 0.5 : 0;
  return s / pos.length / neg.length;
};
const csv = (t) => {
  const rows = [];
  let f = [],
    c = "",
    q = false;
  for (let i = 0; i < t.length; i++) {
    const ch = t[i];
    if (q) {
      if (ch === '"') {
        if (t[i + 1] === '"') {
          c += '"';
          i++;
        } else q = false;
      } else c += ch;
    } else if (ch === '"') q = true;
    else if (ch === ",") {
      f.push(c);
      c = "";
    } else if (ch === "\n") {
      f.push(c);
      rows.push(f);
      f = [];
      c = "";
    } else if (ch !== "\r") c += ch;
  }
  if (c || f.length) {
    f.push(c);
    rows.push(f);
  }
  return rows;
};
const SPLIT = process.env.SPLIT ?? "test";
const E = new URL("../eval/", import.meta.url);
const stsb = (l) =>
  csv(readFileSync(new URL(`stsb-${l}-${SPLIT}.csv`, E), "utf8"))
    .filter((r) => r.length === 3)
    .map((r) => [r[0], r[1], +r[2]]);
const assin2 = () =>
  readFileSync(new URL(`assin2-${SPLIT}.jsonl`, E), "utf8")
    .trim()
    .split("\n")
    .map(JSON.parse)
    .map((r) => [r.a, r.b, +r.sim]);
let embed,
  size = 0;
const sz = (f) => statSync(f).size;
const t0 = performance.now();
if (kind === "base") {
  embed = await onnxEmbedder("work/base/model_int8_7bit.onnx", BASE);
  size = sz("work/base/model_int8_7bit.onnx");
} else if (kind === "fp32") embed = await onnxEmbedder("work/base/model.onnx", BASE);
else if (kind === "onnx") {
  embed = await onnxEmbedder(dir + "/onnx/model_quantized.onnx", dir + "/");
  size = sz(dir + "/onnx/model_quantized.onnx");
} else {
  const m = await import("./static-embed.mjs");
  const e = m.load(dir);
  embed = async (t) => t.map(e);
  size = sz(dir + "/table.i8") + sz(dir + "/scale.f32");
}
const load = performance.now() - t0;
const cache = new Map();
const need = async (texts) => {
  const u = [...new Set(texts)].filter((t) => !cache.has(t));
  u.sort((a, b) => a.length - b.length);
  for (let i = 0; i < u.length; i += 64) {
    const b = u.slice(i, i + 64),
      v = await embed(b);
    b.forEach((t, j) => cache.set(t, v[j]));
  }
};
const sim = async (ps) => {
  await need(ps.flatMap((p) => [p[0], p[1]]));
  return ps.map((p) => cos(cache.get(p[0]), cache.get(p[1])));
};
const r = { name };
// CLEAN=1: leave out every test item that has a sentence close to the own training text (word overlap >= .5, list from 13-overlap.py)
const AFF = process.env.CLEAN ? new Set(JSON.parse(readFileSync("work/affected.json", "utf8"))) : new Set(),
  ok = (...t) => !t.some((x) => AFF.has(x));
const en0 = stsb("en"),
  pt0 = stsb("pt"),
  sel = en0.map((x, i) => ok(x[0], x[1], pt0[i][0], pt0[i][1])),
  cut = (a) => a.filter((_, i) => sel[i]),
  en = cut(en0),
  pt = cut(pt0),
  es = cut(stsb("es"));
for (const [k, d] of [
  ["en", en],
  ["pt", pt],
  ["enpt", en.map((x, i) => [x[0], pt[i][1], x[2]])],
  ["es", es],
])
  r["stsb_" + k] = +(
    100 *
    spearman(
      await sim(d),
      d.map((x) => x[2]),
    )
  ).toFixed(2);
{
  const d = assin2().filter((x) => ok(x[0], x[1]));
  r.n_stsb = en.length;
  r.n_assin2 = d.length;
  r.assin2 = +(
    100 *
    pearson(
      await sim(d),
      d.map((x) => x[2]),
    )
  ).toFixed(2);
}
for (const k of ["en", "pt", "x"]) {
  const f = (a) => a.filter((x) => ok(x[0], x[1])),
    p = await sim(f(sanity[k].pos)),
    n = await sim(f(sanity[k].neg));
  r["n_" + k] = p.length + "+" + n.length;
  r["auc_" + k] = +auc(p, n).toFixed(3);
  let best = 0;
  for (const t of [...p, ...n]) {
    const a = (p.filter((v) => v >= t).length + n.filter((v) => v < t).length) / (p.length + n.length);
    if (a > best) {
      best = a;
      r["thr_" + k] = +t.toFixed(2);
    }
  }
  r["acc_" + k] = +best.toFixed(2);
}
const F = { en: await embed(facts.map((f) => f[0])), pt: await embed(facts.map((f) => f[1])) },
  Q = { en: await embed(facts.map((f) => f[2])), pt: await embed(facts.map((f) => f[3])) };
for (const [q, f] of [
  ["en", "en"],
  ["pt", "pt"],
  ["pt", "en"],
]) {
  let r1 = 0,
    m = 0,
    n = 0;
  Q[q].forEach((v, i) => {
    if (!ok(...facts[i])) return;
    n++;
    const s = F[f].map((x) => cos(v, x));
    const rk = 1 + s.filter((x, j) => j !== i && x >= s[i]).length;
    if (rk === 1) r1++;
    m += 1 / rk;
  });
  r[`mem_${q}_${f}`] = +(r1 / n).toFixed(2);
  r[`mrr_${q}_${f}`] = +(m / n).toFixed(2);
  r.n_mem = n;
}
const base = "the quick brown fox jumps over the lazy dog while the user asks how to reset a password today".split(" ");
const s = Array.from({ length: 200 }, (_, i) => `${base.slice(i % 3).join(" ")} ${i}`);
for (let i = 0; i < 10; i++) await embed([s[i]]);
const t = [];
for (let i = 0; i < 100; i++) {
  const a = performance.now();
  await embed([s[i + 10]]);
  t.push(performance.now() - a);
}
t.sort((a, b) => a - b);
r.ms1 = +t[50].toFixed(3);
const tb = [];
await embed(s.slice(0, 32));
for (let i = 0; i < 8; i++) {
  const a = performance.now();
  await embed(s.slice((i % 6) * 32, (i % 6) * 32 + 32));
  tb.push(performance.now() - a);
}
tb.sort((a, b) => a - b);
r.b32 = +tb[4].toFixed(1);
r.load_ms = Math.round(load);
r.rss_MB = Math.round(process.memoryUsage().rss / 1e6);
r.bytes = size;
console.log(JSON.stringify(r));
process.exit(0);
