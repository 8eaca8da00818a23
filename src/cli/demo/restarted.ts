/** The program of the demo's second process. */
import { askAll } from "./ask.ts";
import type { RestartRequest } from "./restart.ts";

process.once("message", (message) => {
  const { questions, setup } = message as RestartRequest;
  askAll(questions, setup, { rounds: 1 }).then(
    ({ rounds }) => process.send?.(rounds, () => process.disconnect()),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
      process.disconnect();
    },
  );
});
