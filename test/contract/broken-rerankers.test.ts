import { BROKEN_RERANKERS } from "../fixtures/broken-rerankers/broken-rerankers.ts";
import { catchesBroken } from "../support/catches-broken.ts";

catchesBroken({
  called: "a reranker",
  fixture: "broken-rerankers",
  broken: BROKEN_RERANKERS,
  wholePasses: 14,
  brokenPasses: 8,
});
