import { BROKEN_MESSAGE_LOGS } from "../fixtures/broken-message-logs/broken-message-logs.ts";
import { catchesBroken } from "../support/catches-broken.ts";

catchesBroken({
  called: "a log",
  fixture: "broken-message-logs",
  broken: BROKEN_MESSAGE_LOGS,
  wholePasses: 50,
  brokenPasses: 5,
});
