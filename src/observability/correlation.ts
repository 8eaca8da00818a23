/** What ties the lines of one request together, from wherever they are written. */
import { AsyncLocalStorage } from "node:async_hooks";
import { currentConfig } from "../cache/call-control.ts";
import { StrataConfigError } from "../core/errors.ts";

const ids = new AsyncLocalStorage<string>();
const LONGEST = 200;

/**
 * Runs `work` with an id that every log line written on its behalf bears, such as the one of an HTTP request.
 * @param id 1 to 200 visible characters
 * @throws {@link StrataConfigError} for another id
 */
export function correlate<T>(id: string, work: () => T): T {
  if (!isId(id)) throw new StrataConfigError("correlate", id, `a text of 1 to ${LONGEST} visible characters`);
  return ids.run(id, work);
}

/**
 * The id of the request that is being worked on: from `correlate`, else `configurable.correlation_id` or `metadata.correlation_id` of
 * the runnable's config, where LangChain makes it known.
 */
export function correlationId(): string | undefined {
  const own = ids.getStore();
  if (own !== undefined) return own;
  const config = currentConfig();
  const given: unknown = config?.configurable?.["correlation_id"] ?? config?.metadata?.["correlation_id"];
  return isId(given) ? given : undefined;
}

function isId(id: unknown): id is string {
  return typeof id === "string" && id.length > 0 && id.length <= LONGEST && /^[\p{L}\p{N}\p{P}\p{S} ]+$/u.test(id);
}
