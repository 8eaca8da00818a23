// results.jsonl -> markdown table
import { readFileSync } from "node:fs";
const r = readFileSync(process.argv[2] ?? "results.jsonl", "utf8")
  .trim()
  .split("\n")
  .map(JSON.parse);
console.log(
  "| model | bytes | STS-B en/pt/en-pt (es) | ASSIN2 | AUC en/pt/x | best accuracy en/pt/x (threshold) | memory R@1 en/pt/pt->en | ms, 1 text | ms, 32 texts | RSS MB |\n|---|---|---|---|---|---|---|---|---|---|",
);
for (const x of r)
  console.log(
    `| ${x.name} | ${x.bytes} | ${x.stsb_en} / ${x.stsb_pt} / ${x.stsb_enpt} (${x.stsb_es}) | ${x.assin2} | ${x.auc_en} / ${x.auc_pt} / ${x.auc_x} | ${x.acc_en} / ${x.acc_pt} / ${x.acc_x} (${x.thr_en} / ${x.thr_pt} / ${x.thr_x}) | ${x.mem_en_en} / ${x.mem_pt_pt} / ${x.mem_pt_en} | ${x.ms1} | ${x.b32} | ${x.rss_MB} |`,
  );
