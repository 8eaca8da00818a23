import type { Terminal } from "../../src/cli/command.ts";

/** A terminal that keeps what is written to it. */
export interface RecordedTerminal extends Terminal {
  readonly outs: string[];
  readonly notes: string[];
  readonly statuses: string[];
}

export function recordedTerminal(environment: Readonly<Record<string, string>> = {}): RecordedTerminal {
  const outs: string[] = [];
  const notes: string[] = [];
  const statuses: string[] = [];
  const out = (line: string): void => void outs.push(line);
  const note = (line: string): void => void notes.push(line);
  const status = (line: string): void => void statuses.push(line);
  return { outs, notes, statuses, out, note, status, environment };
}
