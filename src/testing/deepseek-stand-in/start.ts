import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { StandInApi } from "./api.ts";
import type { StandInCall } from "./call-log.ts";
import type { StandInFailure } from "./failure.ts";
import { readSettings, type DeepSeekStandInOptions } from "./options.ts";

/**
 * A stand-in of the DeepSeek API on this machine, for demos without a key and for tests: the HTTP protocol is the one of the API,
 * the answers are composed from the question. No model is asked, nothing leaves the machine, and every reply says whose it is
 * (`server` header, `system_fingerprint`, a line at the end of each composed answer).
 */
export interface DeepSeekStandIn {
  /** What to give as `configuration.baseURL` to `ChatDeepSeek`. With `/v1` or `/beta` behind it, it works too. */
  readonly url: string;
  /** Every completion request since the start or the last `reset()`, oldest first. `calls.length` is what the client sent. */
  readonly calls: readonly StandInCall[];
  /** Adds to the script of failures: `null` lets one call pass. */
  fail(...failures: ReadonlyArray<StandInFailure | null>): void;
  /** Forgets the calls and the prompt cache, and puts the script of failures back to its start. Calls under way go on. */
  reset(): void;
  /** Ends every connection at once, and the server. May be called again. */
  close(): Promise<void>;
}

/**
 * Starts the stand-in on a free port of 127.0.0.1.
 * @example
 * ```ts
 * const standIn = await startDeepSeekStandIn();
 * const model = new ChatDeepSeek({ model: "deepseek-reasoner", apiKey: "none", configuration: { baseURL: standIn.url } });
 * ```
 * @throws {@link StrataConfigError} when an option is not accepted; the system's error when the port is taken
 */
export async function startDeepSeekStandIn(options: DeepSeekStandInOptions = {}): Promise<DeepSeekStandIn> {
  const api = new StandInApi(readSettings(options));
  const server = createServer((request, response) => void api.handle(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
  let closing: Promise<void> | undefined;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get calls() {
      return api.calls;
    },
    fail: (...failures) => api.fail(failures),
    reset: () => api.reset(),
    close() {
      closing ??= new Promise<void>((resolve) => {
        api.stop();
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closing;
    },
  };
}
