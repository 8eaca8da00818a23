/** One call of `strata`: finds the command, runs it, and turns what it throws into a message and an exit code. */
import { UsageError, type Command, type Terminal } from "./command.ts";
import { VERSION } from "./version.ts";

/** @returns the exit code: 0 = done, 1 = something is wrong, 2 = the call was wrong, 130 = ended by Ctrl-C */
export async function runCommand(argv: readonly string[], commands: readonly Command[], terminal: Terminal): Promise<number> {
  const [name, ...args] = argv;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    const [about] = name === "help" ? args : [];
    const asked = commands.find((known) => known.name === about);
    if (about !== undefined && asked === undefined) return refuse(about, commands, terminal);
    terminal.out(asked?.usage ?? help(commands, terminal));
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "-v") {
    terminal.out(VERSION);
    return 0;
  }
  const command = commands.find((known) => known.name === name);
  if (command === undefined) return refuse(name, commands, terminal);
  if (args.includes("--help") || args.includes("-h")) {
    terminal.out(command.usage);
    return 0;
  }
  try {
    return await command.run(args, terminal);
  } catch (error) {
    return tell(error, command, args.includes("--json"), terminal);
  }
}

function refuse(name: string, commands: readonly Command[], terminal: Terminal): number {
  terminal.note(`There is no command "${name}". Known: ${commands.map((known) => known.name).join(", ")}.`);
  return 2;
}

/** With `--json`, what went wrong is the result, on standard output; otherwise a note for whoever looks. */
function tell(error: unknown, command: Command, isJson: boolean, terminal: Terminal): number {
  const message = error instanceof Error ? error.message : String(error);
  const isUsage = error instanceof UsageError || isParseArgsError(error);
  const code = isUsage ? "USAGE" : error instanceof Error && "code" in error ? String(error.code) : "ERROR";
  if (isJson) terminal.out(JSON.stringify({ error: { code, message } }));
  terminal.status("");
  if (!isJson) terminal.note(isUsage ? `${message}\n\n${command.usage}` : message);
  if (error instanceof Error && error.name === "AbortError") return 130;
  return isUsage || code === "CONFIG" ? 2 : 1;
}

function isParseArgsError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
}

function help(commands: readonly Command[], { paint = (_paint, text) => text }: Terminal): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${paint("strong", name.padEnd(width))}  ${summary}`);
  return ["strata: caching and memory for LangChain.js", "", "Usage: strata COMMAND [OPTIONS]", "", ...lines, ""].join("\n");
}
