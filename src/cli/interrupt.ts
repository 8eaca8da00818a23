/** Ctrl-C and SIGTERM as an `AbortSignal`, for the length of one command. */
export interface Interrupt {
  readonly signal: AbortSignal;
  /** No longer listens. */
  release(): void;
}

/** The first signal asks the command to end; the second ends the process, for a command that does not. */
export function untilInterrupted(): Interrupt {
  const controller = new AbortController();
  const end = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new DOMException("Interrupted.", "AbortError"));
  };
  process.on("SIGINT", end).on("SIGTERM", end);
  return {
    signal: controller.signal,
    release: () => void process.removeListener("SIGINT", end).removeListener("SIGTERM", end),
  };
}
