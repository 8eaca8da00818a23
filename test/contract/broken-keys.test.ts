import { BROKEN_RINGS, BROKEN_STORES } from "../fixtures/broken-keys/broken-keys.ts";
import { catchesBroken } from "../support/catches-broken.ts";

catchesBroken({
  called: "a key store, or a key ring,",
  fixture: "broken-keys",
  broken: [...BROKEN_STORES, ...BROKEN_RINGS],
  wholePasses: 14,
  brokenPasses: 2,
});
