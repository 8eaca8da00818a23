import { BROKEN_PARTS } from "../fixtures/broken-backup-parts/broken-parts.ts";
import { catchesBroken } from "../support/catches-broken.ts";

catchesBroken({
  called: "a part of a backup",
  fixture: "broken-backup-parts",
  broken: BROKEN_PARTS,
  wholePasses: 8,
  brokenPasses: 3,
});
