/** One subcommand of `strata`. */
export interface Command {
  readonly name: string;
  /** One line for `strata help`. */
  readonly summary: string;
  /** Shown by `strata NAME --help`; shell completion takes the options from it, as they are written there: `--name`. */
  readonly usage: string;
  /**
   * @param args what follows the command's name
   * @returns the exit code: 0 = done, 1 = something is wrong, 2 = the call was wrong
   */
  run(args: readonly string[], terminal: Terminal): Promise<number>;
}

/** Where a command writes: results to `out`, everything that is only for the eye to `note`. */
export interface Terminal {
  out(line: string): void;
  note(line: string): void;
  /** Shows one line that later calls replace, on a terminal; prints nothing elsewhere. */
  status(line: string): void;
  /** Colours a text for `out`, where that is a terminal; gives it back as it is elsewhere. */
  readonly paint?: ((paint: Paint, text: string) => string) | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What a colour says; which colour it is, the terminal knows. */
export type Paint = "good" | "bad" | "warn" | "faint" | "strong";

/** The call was wrong; the message says how it is done right. Ends with exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
