// model.fp16.safetensors -> onnx/model_quantized.onnx (int8, 7-bit weights)   (08-onnx.mjs dir [fp32])
import { bertToOnnx, loadST } from "./st2onnx.mjs";
import { readFileSync, writeFileSync } from "node:fs";
const d = process.argv[2],
  w = loadST(d + "/model.fp16.safetensors"),
  cfg = JSON.parse(readFileSync(d + "/config.json"));
const m = bertToOnnx(w, cfg, { mode: "int8", bits: 7 });
writeFileSync(d + "/onnx/model_quantized.onnx", m);
console.log(d, (m.length / 1e6).toFixed(1) + " MB");
