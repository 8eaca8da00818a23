/** `strata completion`: what a shell needs to complete the commands and their options; made from the usages, so it is never behind. */
import { UsageError, type Command } from "../command.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

type Shell = (typeof SHELLS)[number];

/** @param commands asked when the command runs: it is one of them itself */
export function completion(commands: () => readonly Command[]): Command {
  return {
    name: "completion",
    summary: "print what bash, zsh or fish need to complete commands and options",
    usage: `Usage: strata completion bash|zsh|fish

  bash  source <(strata completion bash)
  zsh   source <(strata completion zsh)
  fish  strata completion fish | source

Put the line into the startup file of the shell.`,
    run(args, terminal) {
      const shell = SHELLS.find((known) => known === args[0]);
      if (shell === undefined || args.length !== 1) throw new UsageError(`Which shell? One of ${SHELLS.join(", ")}.`);
      terminal.out(script(shell, commands()));
      return Promise.resolve(0);
    },
  };
}

/** The options that a usage names, each once. */
export function optionsIn(usage: string): readonly string[] {
  return [...new Set(usage.match(/(?<![\w-])--[a-z][a-z-]*/g) ?? [])];
}

function script(shell: Shell, commands: readonly Command[]): string {
  if (shell === "fish") return fish(commands);
  // zsh reads bash's completions once it is asked to.
  const before = shell === "zsh" ? ["autoload -U +X bashcompinit && bashcompinit"] : [];
  return [...before, ...bash(commands)].join("\n");
}

function bash(commands: readonly Command[]): readonly string[] {
  const cases = commands.map(({ name, usage }) => `    ${name}) words="${[...optionsIn(usage), "--help"].join(" ")}" ;;`);
  return [
    "_strata() {",
    '  local words="" word="${COMP_WORDS[COMP_CWORD]}"',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    words="${["help", ...commands.map(({ name }) => name)].join(" ")}"`,
    '  else case "${COMP_WORDS[1]}" in',
    ...cases,
    "  esac fi",
    '  COMPREPLY=($(compgen -W "$words" -- "$word"))',
    "}",
    "complete -o default -F _strata strata",
  ];
}

function fish(commands: readonly Command[]): string {
  const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = commands.flatMap(({ name, summary, usage }) => [
    `complete -c strata -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
    ...optionsIn(usage).map(
      (option) => `complete -c strata -n ${quoted(`__fish_seen_subcommand_from ${name}`)} -l ${option.slice(2)}`,
    ),
  ]);
  return ["complete -c strata -f -n __fish_use_subcommand", ...lines].join("\n");
}
