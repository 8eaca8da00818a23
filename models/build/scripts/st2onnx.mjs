// safetensors (BERT, fp16/fp32) -> ONNX writer, no dependencies. Own protobuf encoder.
import { readFileSync, writeFileSync } from "node:fs";

// ---------- protobuf
const enc = new TextEncoder();
function varint(n) {
  n = BigInt(n);
  if (n < 0n) n += 1n << 64n;
  const o = [];
  do {
    let b = Number(n & 127n);
    n >>= 7n;
    if (n) b |= 128;
    o.push(b);
  } while (n);
  return Uint8Array.from(o);
}
const cat = (...a) => {
  const xs = a.flat(Infinity);
  let l = 0;
  for (const x of xs) l += x.length;
  const r = new Uint8Array(l);
  let p = 0;
  for (const x of xs) {
    r.set(x, p);
    p += x.length;
  }
  return r;
};
const tag = (f, w) => varint((f << 3) | w);
const I = (f, v) => [tag(f, 0), varint(v)];
const B = (f, b) => [tag(f, 2), varint(b.length), b];
const S = (f, s) => B(f, enc.encode(s));
const F = (f, v) => {
  const d = new Uint8Array(4);
  new DataView(d.buffer).setFloat32(0, v, true);
  return [tag(f, 5), d];
};
// ---------- onnx
export const T = { FLOAT: 1, UINT8: 2, INT8: 3, INT32: 6, INT64: 7, FLOAT16: 10 };
export const tensor = (name, dims, type, raw) =>
  cat(
    dims.map((d) => I(1, d)),
    I(2, type),
    S(8, name),
    B(9, raw),
  );
const bytes = (a) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
const attr = (k, v) => {
  if (Array.isArray(v))
    return cat(
      S(1, k),
      v.map((x) => I(8, x)),
      I(20, 7),
    );
  if (typeof v === "object" && "f" in v) return cat(S(1, k), F(2, v.f), I(20, 1));
  if (typeof v === "string") return cat(S(1, k), B(4, enc.encode(v)), I(20, 3));
  return cat(S(1, k), I(3, v), I(20, 2));
};
let uid = 0;
export class G {
  constructor() {
    this.nodes = [];
    this.inits = [];
    this.seen = new Set();
  }
  node(op, ins, attrs = {}, outs = 1, domain = "") {
    const os = Array.from({ length: outs }, () => `t${uid++}`);
    return this.nodeTo(op, ins, os, attrs, domain);
  }
  nodeTo(op, ins, os, attrs = {}, domain = "") {
    this.nodes.push(
      cat(
        ins.map((x) => S(1, x)),
        os.map((x) => S(2, x)),
        S(3, `${op}_${uid++}`),
        S(4, op),
        Object.entries(attrs).map(([k, v]) => B(5, attr(k, v))),
        domain ? S(7, domain) : [],
      ),
    );
    return os.length === 1 ? os[0] : os;
  }
  init(name, dims, type, arr) {
    if (!this.seen.has(name)) {
      this.seen.add(name);
      this.inits.push(tensor(name, dims, type, bytes(arr)));
    }
    return name;
  }
  i64(...v) {
    return this.init(`c_i64_${v.join("_").replace(/-/g, "m")}`, [v.length], T.INT64, BigInt64Array.from(v.map(BigInt)));
  }
  i64s(v) {
    return this.init(`s_i64_${v}`.replace("-", "m"), [], T.INT64, BigInt64Array.from([BigInt(v)]));
  }
  f(v) {
    return this.init(`c_f_${v}`.replace(/[-.]/g, "_"), [], T.FLOAT, Float32Array.from([v]));
  }
}
const vi = (name, type, dims) => {
  const shape = cat(dims.map((d) => B(1, typeof d === "string" ? cat(S(2, d)) : cat(I(1, d)))));
  return cat(S(1, name), B(2, cat(B(1, cat(I(1, type), B(2, shape))))));
};
export const model = (g, ins, outs, { ms = false } = {}) =>
  cat(
    I(1, 8),
    S(2, "st2onnx"),
    B(8, cat(S(1, ""), I(2, 17))),
    ms ? B(8, cat(S(1, "com.microsoft"), I(2, 1))) : [],
    B(
      7,
      cat(
        g.nodes.map((n) => B(1, n)),
        S(2, "bert"),
        g.inits.map((t) => B(5, t)),
        ins.map((x) => B(11, vi(...x))),
        outs.map((x) => B(12, vi(...x))),
      ),
    ),
  );
// ---------- safetensors
export function loadST(path) {
  const b = readFileSync(path);
  const n = Number(b.readBigUInt64LE(0));
  const h = JSON.parse(b.subarray(8, 8 + n).toString());
  const base = 8 + n;
  const out = {};
  for (const [k, v] of Object.entries(h)) {
    if (k === "__metadata__") continue;
    const [s, e] = v.data_offsets;
    const raw = b.subarray(base + s, base + e);
    let a;
    if (v.dtype === "F32") {
      a = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
    } else if (v.dtype === "F16") {
      const u = new Uint16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
      a = new Float32Array(u.length);
      for (let i = 0; i < u.length; i++) a[i] = h2f(u[i]);
    } else if (v.dtype === "I64") {
      continue;
    } else throw new Error(v.dtype);
    out[k] = { shape: v.shape, data: a };
  }
  return out;
}
function h2f(h) {
  const s = h & 0x8000 ? -1 : 1,
    e = (h >> 10) & 31,
    m = h & 1023;
  if (e === 0) return s * m * 2 ** -24;
  if (e === 31) return m ? NaN : s * Infinity;
  return s * (1 + m / 1024) * 2 ** (e - 15);
}
const transpose = ({ shape: [o, i], data }) => {
  const r = new Float32Array(o * i);
  for (let a = 0; a < o; a++) for (let b = 0; b < i; b++) r[b * o + a] = data[a * i + b];
  return { shape: [i, o], data: r };
};
// int8 weights, per output channel, [K,N] layout. bits=8 -> +-127 ; bits=7 -> +-64 (avoids u8s8 saturation without VNNI)
function quantCols({ shape: [K, N], data }, bits) {
  const qmax = bits === 8 ? 127 : 63;
  const q = new Int8Array(K * N),
    sc = new Float32Array(N);
  for (let n = 0; n < N; n++) {
    let m = 0;
    for (let k = 0; k < K; k++) {
      const a = Math.abs(data[k * N + n]);
      if (a > m) m = a;
    }
    sc[n] = m / qmax || 1;
  }
  for (let k = 0; k < K; k++)
    for (let n = 0; n < N; n++) q[k * N + n] = Math.max(-qmax, Math.min(qmax, Math.round(data[k * N + n] / sc[n])));
  return { q, sc };
}
function quantRows({ shape: [R, D], data }) {
  const q = new Int8Array(R * D),
    sc = new Float32Array(R);
  for (let r = 0; r < R; r++) {
    let m = 0;
    for (let d = 0; d < D; d++) {
      const a = Math.abs(data[r * D + d]);
      if (a > m) m = a;
    }
    sc[r] = m / 127 || 1;
    for (let d = 0; d < D; d++) q[r * D + d] = Math.round(data[r * D + d] / sc[r]);
  }
  return { q, sc };
}

export function bertToOnnx(w, cfg, { mode = "fp32", bits = 7, qemb = true, pool = false } = {}) {
  const g = new G();
  const H = cfg.hidden_size,
    A = cfg.num_attention_heads,
    D = H / A;
  const p = Object.keys(w)[0].startsWith("bert.") ? "bert." : "";
  const W = (n) => {
    const t = w[p + n];
    if (!t) throw new Error("missing " + p + n);
    return t;
  };
  const vec = (n) => g.init(n, W(n).shape, T.FLOAT, W(n).data);
  const lin = (x, n, concat) => {
    // x @ W^T + b
    const names = concat ?? [n];
    const ts = names.map((m) => transpose(W(m + ".weight")));
    const K = ts[0].shape[0];
    const N = ts.reduce((s, t) => s + t.shape[1], 0);
    const data = new Float32Array(K * N);
    let off = 0;
    for (const t of ts) {
      const n1 = t.shape[1];
      for (let k = 0; k < K; k++) data.set(t.data.subarray(k * n1, (k + 1) * n1), k * N + off);
      off += n1;
    }
    const bias = new Float32Array(N);
    off = 0;
    for (const m of names) {
      bias.set(W(m + ".bias").data, off);
      off += W(m + ".bias").data.length;
    }
    const key = names.join("+");
    const b = g.init(key + ".bias", [N], T.FLOAT, bias);
    if (mode === "fp32") return g.node("Add", [g.node("MatMul", [x, g.init(key + ".w", [K, N], T.FLOAT, data)]), b]);
    const { q, sc } = quantCols({ shape: [K, N], data }, bits);
    // dynamic quantization: DynamicQuantizeLinear + MatMulInteger + scale (ORT fuses to DynamicQuantizeMatMul)
    return g.node(
      "DynamicQuantizeMatMul",
      [x, g.init(key + ".wq", [K, N], T.INT8, q), g.init(key + ".ws", [N], T.FLOAT, sc), "", b],
      {},
      1,
      "com.microsoft",
    );
  };
  const ln = (x, n) =>
    g.node("LayerNormalization", [x, vec(n + ".weight"), vec(n + ".bias")], { axis: -1, epsilon: { f: cfg.layer_norm_eps } });
  // embeddings
  let we;
  const we0 = W("embeddings.word_embeddings.weight");
  if (mode === "int8" && qemb) {
    const { q, sc } = quantRows(we0);
    const e = g.node("Cast", [g.node("Gather", [g.init("wemb_q", we0.shape, T.INT8, q), "input_ids"])], { to: T.FLOAT });
    const s = g.node("Gather", [g.init("wemb_s", [we0.shape[0], 1], T.FLOAT, sc), "input_ids"]);
    we = g.node("Mul", [e, s]);
  } else we = g.node("Gather", [g.init("wemb", we0.shape, T.FLOAT, we0.data), "input_ids"]);
  const shp = g.node("Shape", ["input_ids"]);
  const seq = g.node("Gather", [shp, g.i64s(1)]);
  const pos = g.node("Range", [g.i64s(0), seq, g.i64s(1)]);
  const pe = g.node("Gather", [vec("embeddings.position_embeddings.weight"), pos]);
  const te = g.node("Gather", [vec("embeddings.token_type_embeddings.weight"), "token_type_ids"]);
  let x = ln(g.node("Add", [g.node("Add", [we, te]), pe]), "embeddings.LayerNorm");
  const mf = g.node("Cast", ["attention_mask"], { to: T.FLOAT });
  const bias = g.node("Unsqueeze", [g.node("Mul", [g.node("Sub", [g.f(1), mf]), g.f(-10000)]), g.i64(1, 2)]);
  for (let l = 0; l < cfg.num_hidden_layers; l++) {
    const L = `encoder.layer.${l}.`;
    const qkv = lin(
      x,
      null,
      ["query", "key", "value"].map((n) => L + "attention.self." + n),
    );
    const [q, k, v] = g.node("Split", [qkv, g.i64(H, H, H)], { axis: 2 }, 3);
    const heads = (t, perm) => g.node("Transpose", [g.node("Reshape", [t, g.i64(0, 0, A, D)])], { perm });
    const sc = g.node("Add", [
      g.node("Mul", [g.node("MatMul", [heads(q, [0, 2, 1, 3]), heads(k, [0, 2, 3, 1])]), g.f(1 / Math.sqrt(D))]),
      bias,
    ]);
    const ctx = g.node("MatMul", [g.node("Softmax", [sc], { axis: -1 }), heads(v, [0, 2, 1, 3])]);
    const c2 = g.node("Reshape", [g.node("Transpose", [ctx], { perm: [0, 2, 1, 3] }), g.i64(0, 0, H)]);
    x = ln(g.node("Add", [lin(c2, L + "attention.output.dense"), x]), L + "attention.output.LayerNorm");
    const h = lin(x, L + "intermediate.dense");
    const ge = g.node("Gelu", [h], {}, 1, "com.microsoft");
    x = ln(g.node("Add", [lin(ge, L + "output.dense"), x]), L + "output.LayerNorm");
  }
  const outs = [];
  if (pool) {
    const m = g.node("Unsqueeze", [mf, g.i64(-1)]);
    const s = g.node("ReduceSum", [g.node("Mul", [x, m]), g.i64(1)], { keepdims: 0 });
    const c = g.node("ReduceSum", [mf, g.i64(1)], { keepdims: 1 });
    const mean = g.node("Div", [s, c]);
    const nrm = g.node("ReduceL2", [mean], { axes: [1], keepdims: 1 });
    g.nodeTo("Div", [mean, nrm], ["sentence_embedding"]);
    outs.push(["sentence_embedding", T.FLOAT, ["batch", H]]);
  } else {
    g.nodeTo("Identity", [x], ["last_hidden_state"]);
    outs.push(["last_hidden_state", T.FLOAT, ["batch", "seq", H]]);
  }
  return model(
    g,
    ["input_ids", "attention_mask", "token_type_ids"].map((n) => [n, T.INT64, ["batch", "seq"]]),
    outs,
    { ms: true },
  );
}
if (process.argv[1] === new URL(import.meta.url).pathname) {
  const [, , dir, out] = process.argv;
  const cfg = JSON.parse(readFileSync(dir + "/config.json"));
  const w = loadST(dir + "/model.fp16.safetensors");
  console.log(
    Object.keys(w).length,
    "tensors",
    Object.keys(w).slice(0, 5),
    Object.values(w).some((t) => t.data.some(Number.isNaN)) ? "NaN!" : "no NaN",
  );
  for (const [name, o] of [
    ["model.onnx", { mode: "fp32" }],
    ["model_int8_7bit.onnx", { mode: "int8", bits: 7 }],
    ["model_int8_8bit.onnx", { mode: "int8", bits: 8 }],
  ]) {
    const t = performance.now();
    const m = bertToOnnx(w, cfg, o);
    writeFileSync(`${out}/${name}`, m);
    console.log(name, (m.length / 1e6).toFixed(1) + " MB", (performance.now() - t).toFixed(0) + " ms");
  }
}
