// Puts rebuilt models where the packages take them from, and prints the checksums that src/embeddings/local-models.ts pins.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

const FILES = {
  "models/static-enpt-256": ["../static-enpt-256", ["table.i8", "scale.f32", "vocab.txt"]],
  "models/minilm-l6-enpt": ["../minilm", ["config.json", "tokenizer.json", "tokenizer_config.json", "onnx/model_quantized.onnx"]],
};

for (const [from, [to, names]] of Object.entries(FILES)) {
  mkdirSync(to === "../minilm" ? `${to}/onnx` : to, { recursive: true });
  for (const name of names) copyFileSync(`${from}/${name}`, `${to}/${name}`);
}
// A token a line is read in a fraction of the time that the JSON takes.
const tokens = [];
const { vocab } = JSON.parse(readFileSync("../minilm/tokenizer.json", "utf8")).model;
for (const [token, id] of Object.entries(vocab)) tokens[id] = token;
writeFileSync("../minilm/vocab.txt", tokens.join("\n"));

const pinned = ["../static-enpt-256/table.i8", "../static-enpt-256/scale.f32", "../static-enpt-256/vocab.txt"];
for (const file of [...pinned, "../minilm/onnx/model_quantized.onnx", "../minilm/vocab.txt"]) {
  console.log(file, createHash("sha256").update(readFileSync(file)).digest("hex"));
}
