/** Whether the local models load, and give vectors. */
import { LocalEmbeddings } from "../../embeddings/local-embeddings.ts";
import { formatMs } from "../table.ts";
import { absent, broken, ok, reasonOf, type Finding } from "./finding.ts";

/** @param isNeeded whether the config names the model */
export async function checkModel(model: "static" | "minilm", isNeeded: boolean): Promise<Finding> {
  const embeddings = new LocalEmbeddings({ model, deadline: "30s" });
  const name = `local model ${model}`;
  try {
    const start = performance.now();
    const vector = await embeddings.embedQuery("Is anybody there?");
    return ok(name, `${vector.length} dimensions, loaded in ${formatMs(performance.now() - start)}`);
  } catch (error) {
    const isMissing = (error as { readonly code?: unknown }).code === "MISSING_PEER";
    const install = "npm install onnxruntime-node langchain-strata-minilm";
    if (isMissing && !isNeeded) return absent(name, "its packages are not installed", `nothing, or ${install}`);
    return broken(
      name,
      reasonOf(error),
      isMissing ? install : "install the package again: its files are not those that were measured",
    );
  } finally {
    await embeddings.close();
  }
}
