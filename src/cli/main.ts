#!/usr/bin/env node
import { COMMANDS } from "./commands.ts";
import { runCommand } from "./run-command.ts";
import { processTerminal } from "./terminal.ts";

const terminal = processTerminal(process.stdout, process.stderr, process.env);

void runCommand(process.argv.slice(2), COMMANDS, terminal).then((code) => {
  process.exitCode = code;
});
