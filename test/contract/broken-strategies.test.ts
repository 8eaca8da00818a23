import { BROKEN_STRATEGIES } from "../fixtures/broken-strategies/broken-strategies.ts";
import { catchesBroken } from "../support/catches-broken.ts";

catchesBroken({
  called: "a strategy",
  fixture: "broken-strategies",
  broken: BROKEN_STRATEGIES,
  wholePasses: 11,
  brokenPasses: 3,
});
