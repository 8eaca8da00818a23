import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { UsageError, type Command, type Terminal } from "../../../src/cli/command.ts";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { completion, optionsIn } from "../../../src/cli/commands/completion.ts";
import { runCommand } from "../../../src/cli/run-command.ts";
import { processTerminal } from "../../../src/cli/terminal.ts";
import { StrataConfigError } from "../../../src/core/errors.ts";
import { recordedTerminal } from "../../support/recorded-terminal.ts";

function throwing(error: unknown): Command {
  return { name: "fail", summary: "fails", usage: "Usage: strata fail [--json]", run: () => Promise.reject(error) };
}

describe("what a command throws", () => {
  test.each([
    ["a wrong call", new UsageError("Which one?"), 2, "USAGE"],
    ["an option that is not accepted", new StrataConfigError("ttl", "1x", "a duration"), 2, "CONFIG"],
    ["an error of a system", Object.assign(new Error("in use"), { code: "EADDRINUSE" }), 1, "EADDRINUSE"],
    ["an interruption", new DOMException("Interrupted.", "AbortError"), 130, undefined],
  ])("is told as %s, with its exit code", async (_name, error, code, said) => {
    const plain = recordedTerminal();
    expect(await runCommand(["fail"], [throwing(error)], plain)).toBe(code);
    expect(plain.outs).toEqual([]);
    expect(plain.notes.join("\n")).toContain(error.message);
    const json = recordedTerminal();
    expect(await runCommand(["fail", "--json"], [throwing(error)], json)).toBe(code);
    const answer = JSON.parse(json.outs.join("\n")) as { error: { code: string; message: string } };
    expect(answer.error.message).toBe(error.message);
    if (said !== undefined) expect(answer.error.code).toBe(said);
  });

  test("comes with the usage when the call was wrong", async () => {
    const terminal = recordedTerminal();
    await runCommand(["fail"], [throwing(new UsageError("Which one?"))], terminal);
    expect(terminal.notes.join("\n")).toContain("Usage: strata fail");
  });
});

describe("help", () => {
  test("names every command, and the usage of one", async () => {
    const terminal = recordedTerminal();
    expect(await runCommand(["help"], COMMANDS, terminal)).toBe(0);
    for (const { name } of COMMANDS) expect(terminal.outs.join("\n")).toContain(`  ${name}`);
    expect(await runCommand(["help", "doctor"], COMMANDS, terminal)).toBe(0);
    expect(terminal.outs.at(-1)).toContain("Usage: strata doctor");
  });

  test.each([[["help", "nonsense"]], [["nonsense"]]])("of a command that there is not is a wrong call: %j", async (argv) => {
    const terminal = recordedTerminal();
    expect(await runCommand(argv, COMMANDS, terminal)).toBe(2);
    expect(terminal.outs).toEqual([]);
    expect(terminal.notes.join("\n")).toMatch(/^There is no command "nonsense"\. Known: demo, doctor, /);
  });

  test.each(["--version", "-v"])("%s is the version of the package, alone on its line", async (option) => {
    const terminal = recordedTerminal();
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(await runCommand([option], COMMANDS, terminal)).toBe(0);
    expect(terminal.outs).toEqual([version]);
  });

  test("every usage begins with its command's name", () => {
    for (const { name, usage } of COMMANDS) expect(usage).toMatch(new RegExp(`^Usage: strata ${name}\\b`));
  });
});

describe("colours", () => {
  const painted = (isTTY: boolean, environment: Terminal["environment"]): string | undefined =>
    processTerminal({ isTTY, write: () => undefined }, { write: () => undefined }, environment).paint?.("bad", "x");

  test("are for terminals, and for who asks for them", () => {
    expect(painted(true, {})).toBe("\u001b[31mx\u001b[39m");
    expect(painted(false, {})).toBe("x");
    expect(painted(true, { NO_COLOR: "1" })).toBe("x");
    expect(painted(true, { TERM: "dumb" })).toBe("x");
    expect(painted(false, { FORCE_COLOR: "1" })).toBe("\u001b[31mx\u001b[39m");
    expect(painted(true, { FORCE_COLOR: "0" })).toBe("x");
  });

  test("the line of progress is written to a terminal alone", () => {
    const written: string[] = [];
    const sink = (isTTY: boolean) => ({ isTTY, write: (text: string) => written.push(text) });
    processTerminal(sink(false), sink(false), {}).status("half");
    expect(written).toEqual([]);
    processTerminal(sink(false), sink(true), {}).status("half");
    expect(written.join("")).toContain("half");
  });
});

describe("completion", () => {
  test("takes the options from the usage", () => {
    expect(optionsIn("Usage: x [--json] [--data DIR]\n\n  --data  a folder--no, --json")).toEqual(["--json", "--data"]);
  });

  test("completes commands and their options in bash", async () => {
    const terminal = recordedTerminal();
    await completion(() => COMMANDS).run(["bash"], terminal);
    const ask = (...words: string[]): string[] => {
      const line = `COMP_WORDS=(${words.map((word) => `"${word}"`).join(" ")}); COMP_CWORD=${words.length - 1}; _strata`;
      const script = `${terminal.outs.join("\n")}\n${line}; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", script], { encoding: "utf8" });
      expect(stderr).toBe("");
      return stdout.trim().split("\n");
    };
    expect(ask("strata", "d")).toContain("doctor");
    expect(ask("strata", "doctor", "--j")).toEqual(["--json"]);
    expect(ask("strata", "doctor", "--q")).toEqual([""]);
  });

  test("is there for zsh and fish, and refuses another shell", async () => {
    const terminal = recordedTerminal();
    await completion(() => COMMANDS).run(["zsh"], terminal);
    expect(terminal.outs[0]).toMatch(/^autoload -U \+X bashcompinit/);
    await completion(() => COMMANDS).run(["fish"], terminal);
    expect(terminal.outs[1]).toContain("-a doctor -d");
    expect(() => completion(() => COMMANDS).run(["tcsh"], terminal)).toThrow(UsageError);
  });
});
