/** What the doctor found out about one thing. Whatever is not in order comes with what to do about it. */
export type Finding = Sound | Wanting;

interface Sound {
  readonly name: string;
  readonly state: "ok";
  readonly detail: string;
}

interface Wanting {
  readonly name: string;
  /** `absent`: optional, and not asked for. `warn`: works, and could bring trouble. `broken`: configured, and does not work. */
  readonly state: "absent" | "warn" | "broken";
  readonly detail: string;
  /** What to do. */
  readonly advice: string;
}

export function ok(name: string, detail: string): Finding {
  return { name, state: "ok", detail };
}

export function absent(name: string, detail: string, advice: string): Finding {
  return { name, state: "absent", detail, advice };
}

export function warn(name: string, detail: string, advice: string): Finding {
  return { name, state: "warn", detail, advice };
}

export function broken(name: string, detail: string, advice: string): Finding {
  return { name, state: "broken", detail, advice };
}

/** Node tells of a host with several addresses by an error without a text of its own. */
export function reasonOf(error: unknown): string {
  const { message, code, errors } = error as {
    readonly message?: string;
    readonly code?: string;
    readonly errors?: readonly unknown[];
  };
  if (message !== undefined && message !== "") return message;
  return errors?.[0] === undefined ? (code ?? String(error)) : reasonOf(errors[0]);
}
