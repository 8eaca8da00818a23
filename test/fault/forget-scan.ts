/** Forgetting during kill -9, for as long as you like: `npm run fault:forget -- 50 7` makes 50 trials with the seed 7, and ends with 1 if anything is left. */
import { runForgetTrials } from "../support/forget-trials.ts";

const [trials = 20, seed = 1] = process.argv.slice(2).map(Number);
const report = await runForgetTrials({ trials, seed, killWithinMs: 600 });
console.log(JSON.stringify(report, undefined, 2));
const left = [report.logical.gone, report.filesAfter.gone].flatMap((places) => Object.values(places));
process.exit(left.some((count) => count > 0) || report.lost.length > 0 ? 1 : 0);
