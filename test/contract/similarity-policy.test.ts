import { calibratedPolicy } from "../../src/cache/semantic/policies/calibrated.ts";
import { staticPolicy } from "../../src/cache/semantic/policies/static.ts";
import { describeSimilarityPolicy } from "../../src/testing/describe-similarity-policy.ts";
import { seededRandom } from "../support/seeded-random.ts";

describeSimilarityPolicy("staticPolicy", () => staticPolicy());
describeSimilarityPolicy("calibratedPolicy", () => calibratedPolicy({ random: seededRandom(1) }));
describeSimilarityPolicy("calibratedPolicy, lax", () => calibratedPolicy({ maxWrongHits: 0.5, random: seededRandom(2) }));
