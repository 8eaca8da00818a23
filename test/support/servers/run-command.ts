import { spawn } from "node:child_process";

/**
 * Runs a command to its end. What it prints is shown only when it fails.
 * @param lend a file that the command gets as its descriptor 3
 */
export function runCommand(argv: readonly string[], cwd: string, lend?: number): Promise<void> {
  const [command = "", ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe", lend ?? "ignore"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ended with ${code ?? signal}:\n${output.trim().slice(-2_000)}`));
    });
  });
}
