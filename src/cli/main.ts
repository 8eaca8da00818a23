#!/usr/bin/env node
import type { Command, Terminal } from "./command.ts";
import { UsageError } from "./command.ts";
import { demo } from "./commands/demo.ts";
import { doctor } from "./commands/doctor.ts";
import { migrate } from "./commands/migrate.ts";
import { worker } from "./commands/worker.ts";

const COMMANDS: readonly Command[] = [demo, doctor, migrate, worker];

const terminal: Terminal = {
  out: (line) => void process.stdout.write(`${line}\n`),
  note: (line) => void process.stderr.write(`${clearLine()}${line}\n`),
  status: (line) => {
    if (process.stderr.isTTY) process.stderr.write(`${clearLine()}${line}`);
  },
  environment: process.env,
};

function clearLine(): string {
  return process.stderr.isTTY ? "\r\u001b[2K" : "";
}

function help(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return ["strata: caching and memory for LangChain.js", "", "Usage: strata COMMAND [OPTIONS]", "", ...lines, ""].join("\n");
}

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...args] = argv;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    terminal.out(help());
    return name === undefined ? 2 : 0;
  }
  const command = COMMANDS.find((known) => known.name === name);
  if (command === undefined) {
    terminal.note(`There is no command "${name}". Known: ${COMMANDS.map((known) => known.name).join(", ")}.`);
    return 2;
  }
  if (args.includes("--help") || args.includes("-h")) {
    terminal.out(command.usage);
    return 0;
  }
  try {
    return await command.run(args, terminal);
  } catch (error) {
    if (error instanceof UsageError || isParseArgsError(error)) {
      terminal.note(`${error.message}\n\n${command.usage}`);
      return 2;
    }
    terminal.note(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

function isParseArgsError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
