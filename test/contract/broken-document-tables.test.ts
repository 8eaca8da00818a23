import { BROKEN_DOCUMENT_TABLES } from "../fixtures/broken-document-tables/broken-document-tables.ts";
import { catchesBroken } from "../support/catches-broken.ts";

catchesBroken({
  called: "a table of documents",
  fixture: "broken-document-tables",
  broken: BROKEN_DOCUMENT_TABLES,
  wholePasses: 12,
  brokenPasses: 6,
});
