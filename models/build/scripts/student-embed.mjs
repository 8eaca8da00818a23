// Sentence vectors from the int8 ONNX student.  import { load } from './embed.mjs'; const embed = await load(dir); await embed(['text']) -> [Float32Array(384)] (unit length). Needs onnxruntime-node; tokenizer is built in.
import { readFileSync } from "node:fs";
export async function load(dir, { threads = 1, maxLen = 256 } = {}) {
  const ort0 = await import("onnxruntime-node"),
    ort = ort0.default ?? ort0;
  const V = JSON.parse(readFileSync(`${dir}/tokenizer.json`, "utf8")).model.vocab,
    s = await ort.InferenceSession.create(`${dir}/onnx/model_quantized.onnx`, { intraOpNumThreads: threads });
  const split = /[\p{L}\p{N}]+|[^\p{L}\p{N}\s]/gu,
    CLS = V["[CLS]"],
    SEP = V["[SEP]"],
    UNK = V["[UNK]"];
  const pieces = (w) => {
    const r = [];
    for (let st = 0; st < w.length;) {
      let e = w.length,
        id;
      for (; e > st; e--) {
        id = V[(st ? "##" : "") + w.slice(st, e)];
        if (id !== undefined) break;
      }
      if (id === undefined) return [UNK];
      r.push(id);
      st = e;
    }
    return r;
  };
  const ids = (t) => {
    const r = [CLS];
    for (const w of t
      .toLowerCase()
      .normalize("NFD")
      .replace(/\p{Mn}/gu, "")
      .match(split) ?? []) {
      r.push(...pieces(w.slice(0, 100)));
      if (r.length >= maxLen) break;
    }
    return [...r.slice(0, maxLen - 1), SEP];
  };
  return async (texts) => {
    const e = texts.map(ids),
      B = e.length,
      S = Math.max(...e.map((x) => x.length)),
      a = new BigInt64Array(B * S),
      m = new BigInt64Array(B * S);
    e.forEach((r, b) =>
      r.forEach((v, i) => {
        a[b * S + i] = BigInt(v);
        m[b * S + i] = 1n;
      }),
    );
    const T = (x) => new ort.Tensor("int64", x, [B, S]),
      o = (await s.run({ input_ids: T(a), attention_mask: T(m), token_type_ids: T(new BigInt64Array(B * S)) })).last_hidden_state,
      H = o.dims[2];
    return e.map((r, b) => {
      const v = new Float32Array(H);
      for (let t = 0; t < r.length; t++) for (let d = 0; d < H; d++) v[d] += o.data[(b * S + t) * H + d];
      let n = 0;
      for (const x of v) n += x * x;
      n = Math.sqrt(n) || 1;
      return v.map((x) => x / n);
    });
  };
}
