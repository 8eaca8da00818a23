import { BROKEN_TIERS } from "../fixtures/broken-tiers/broken-tiers.ts";
import { catchesBroken } from "../support/catches-broken.ts";

catchesBroken({
  called: "a tier",
  fixture: "broken-tiers",
  broken: BROKEN_TIERS,
  wholePasses: 50,
  brokenPasses: 20,
});
