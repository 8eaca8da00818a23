/** `absent` is no failure: it is optional and not asked for. */
export interface Finding {
  readonly name: string;
  readonly state: "ok" | "absent" | "broken";
  readonly detail: string;
}
