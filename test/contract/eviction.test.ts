import { createEviction, EVICTION_NAMES } from "../../src/cache/evictions/create-eviction.ts";
import { describeEviction } from "../../src/testing/describe-eviction.ts";

for (const name of EVICTION_NAMES) describeEviction(name, () => createEviction(name));
