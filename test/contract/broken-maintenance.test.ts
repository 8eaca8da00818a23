import { BROKEN_LEASES } from "../fixtures/broken-maintenance/broken-leases.ts";
import { BROKEN_TASKS } from "../fixtures/broken-maintenance/broken-tasks.ts";
import { catchesBroken } from "../support/catches-broken.ts";

catchesBroken({
  called: "a task, or leases,",
  fixture: "broken-maintenance",
  broken: [...BROKEN_TASKS, ...BROKEN_LEASES],
  wholePasses: 14,
  brokenPasses: 0,
});
