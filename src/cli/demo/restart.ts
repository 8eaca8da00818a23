/** The restart of the demo: another process, which has nothing but the folder that the first one left. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { DemoSetup } from "./setup.ts";
import type { Asked } from "./ask.ts";

/** What the new process is sent; it answers with its rounds. */
export interface RestartRequest {
  readonly questions: readonly string[];
  readonly setup: DemoSetup;
}

export function askInNewProcess(questions: readonly string[], setup: DemoSetup): Promise<Asked[][]> {
  return new Promise((resolve, reject) => {
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const child = fork(fileURLToPath(new URL(`./restarted.${extension}`, import.meta.url)), {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    let answered = false;
    child.once("message", (rounds) => {
      answered = true;
      resolve(rounds as Asked[][]);
    });
    child.once("error", reject);
    child.once("exit", (code) => {
      if (!answered) reject(new Error(`The new process of the demo ended with code ${code ?? "none"} before it answered.`));
    });
    child.send({ questions, setup } satisfies RestartRequest);
  });
}
