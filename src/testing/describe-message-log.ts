/**
 * The contract of `MessageLog` as tests. This package's own logs are held to it, one store or two behind one front alike;
 * `test/contract/broken-message-logs.test.ts` shows that it fails those that do not keep it.
 */
import { describe } from "vitest";
import { appendingContract } from "./message-log-contract/appending.ts";
import { endingContract } from "./message-log-contract/ending.ts";
import { isolationContract } from "./message-log-contract/isolation.ts";
import { messageLogBed, type MakeMessageLog, type MessageLogCapabilities } from "./message-log-contract/bed.ts";
import { modelContract } from "./message-log-contract/model.ts";
import { readingContract } from "./message-log-contract/reading.ts";
import { removalContract } from "./message-log-contract/removal.ts";

/**
 * Declares the tests that every message log must pass, under `describe(name)`. Needs `vitest` and `fast-check`.
 *
 * Every log that `make` built is closed by the suite; what else `make` opened, the caller ends in `afterAll`.
 * @param make builds a log; called at least once for each test
 * @param capabilities what this log can do beyond the minimum; each adds the tests that prove it
 * @example
 * ```ts
 * describeMessageLog("memoryLog", () => memoryLog());
 * ```
 */
export function describeMessageLog(name: string, make: MakeMessageLog, capabilities: MessageLogCapabilities = {}): void {
  const bed = messageLogBed(make, capabilities);
  describe(name, () => {
    appendingContract(bed);
    readingContract(bed);
    isolationContract(bed);
    removalContract(bed);
    modelContract(bed);
    endingContract(bed);
  });
}

export type { MakeMessageLog, MessageLogCapabilities, MessageLogContext } from "./message-log-contract/bed.ts";
