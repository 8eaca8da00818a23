// Teacher vectors (all-MiniLM-L6-v2, fp32 ONNX) of every English text in the corpus -> work/en.json + work/teacher.f32 (reuses rows of an earlier run)
import { readFileSync, writeFileSync, existsSync } from "node:fs";
import { onnxEmbedder, BASE } from "./tok.mjs";
const jl = (f) =>
  existsSync(f)
    ? readFileSync(f, "utf8")
        .trim()
        .split("\n")
        .map((l) => JSON.parse(l).en)
    : [];
const wn = existsSync("work/wn.json") ? JSON.parse(readFileSync("work/wn.json", "utf8")) : [];
const en = [...new Set([...jl("work/pairs.jsonl"), ...jl("work/dict.jsonl"), ...wn])];
const out = new Float32Array(en.length * 384),
  todo = [];
let old = new Map(),
  buf;
if (existsSync("work/en.json") && existsSync("work/teacher.f32")) {
  old = new Map(JSON.parse(readFileSync("work/en.json", "utf8")).map((t, i) => [t, i]));
  const b = readFileSync("work/teacher.f32");
  buf = new Float32Array(b.buffer, b.byteOffset, b.length / 4);
}
en.forEach((t, i) => {
  const j = old.get(t);
  if (j !== undefined) out.set(buf.subarray(j * 384, j * 384 + 384), i * 384);
  else todo.push(i);
});
todo.sort((a, b) => en[a].length - en[b].length);
const embed = await onnxEmbedder("work/base/model.onnx", BASE, { threads: +(process.env.THREADS || 2), maxLen: 64 });
const t0 = Date.now();
for (let k = 0; k < todo.length; k += 64) {
  const b = todo.slice(k, k + 64);
  (await embed(b.map((i) => en[i]))).forEach((v, j) => out.set(v, b[j] * 384));
  if (k % 6400 === 0) console.log(k, todo.length, ((Date.now() - t0) / 1000).toFixed(0) + "s");
}
writeFileSync("work/en.json", JSON.stringify(en));
writeFileSync("work/teacher.f32", Buffer.from(out.buffer));
console.log("done", en.length, "new", todo.length, ((Date.now() - t0) / 1000).toFixed(0) + "s");
