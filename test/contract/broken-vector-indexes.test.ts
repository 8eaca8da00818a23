import { BROKEN_VECTOR_INDEXES } from "../fixtures/broken-vector-indexes/broken-vector-indexes.ts";
import { catchesBroken } from "../support/catches-broken.ts";

catchesBroken({
  called: "an index",
  fixture: "broken-vector-indexes",
  broken: BROKEN_VECTOR_INDEXES,
  wholePasses: 30,
  brokenPasses: 20,
});
