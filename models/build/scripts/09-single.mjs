// Vector of every single vocabulary token under the student -> work/single.f32   (09-single.mjs modeldir)
import { readFileSync, writeFileSync } from "node:fs";
import { ort } from "./tok.mjs";
const d = process.argv[2],
  s = await ort.InferenceSession.create(d + "/onnx/model_quantized.onnx", { intraOpNumThreads: 2 }),
  V = JSON.parse(readFileSync(d + "/config.json")).vocab_size,
  out = new Float32Array(V * 384);
for (let k = 0; k < V; k += 256) {
  const n = Math.min(256, V - k),
    ids = new BigInt64Array(n * 3);
  for (let i = 0; i < n; i++) {
    ids[i * 3] = 101n;
    ids[i * 3 + 1] = BigInt(k + i);
    ids[i * 3 + 2] = 102n;
  }
  const t = (a) => new ort.Tensor("int64", a, [n, 3]),
    o = await s.run({
      input_ids: t(ids),
      attention_mask: t(new BigInt64Array(n * 3).fill(1n)),
      token_type_ids: t(new BigInt64Array(n * 3)),
    }),
    h = o.last_hidden_state.data;
  for (let i = 0; i < n; i++)
    for (let j = 0; j < 384; j++)
      out[(k + i) * 384 + j] = (h[i * 3 * 384 + j] + h[(i * 3 + 1) * 384 + j] + h[(i * 3 + 2) * 384 + j]) / 3;
}
writeFileSync("work/single.f32", Buffer.from(out.buffer));
console.log("single", V);
