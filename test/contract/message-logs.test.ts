import { memoryLog } from "../../src/history/logs/memory.ts";
import { describeMessageLog } from "../../src/testing/describe-message-log.ts";

describeMessageLog("memoryLog", () => memoryLog());
