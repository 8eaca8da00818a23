import type { RecallStrategy } from "../strategy.ts";

/** Fetches nothing: thanks, small talk and questions about the world need no memory beyond the window. */
export const sessionOnly: RecallStrategy = {
  name: "session_only",
  needsSession: false,
  needsVector: false,
  find: () => [],
};
