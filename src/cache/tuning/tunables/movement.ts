import type { Tunable } from "../tunable.ts";

/**
 * When an entry that was found below goes up: at its first hit there, or at its second, so that what is read once in a great while
 * does not push out what is read all the time.
 */
export function movementTunable(): Tunable {
  return {
    name: "movement",
    current: ({ promoteAfter }) => words(promoteAfter),
    candidates(plan) {
      const promoteAfter = plan.promoteAfter === 1 ? 2 : 1;
      const [from, to] = [words(plan.promoteAfter), words(promoteAfter)];
      return [{ role: `movement ${promoteAfter}`, setting: "movement", plan: { ...plan, promoteAfter }, from, to }];
    },
    apply(from, to, controls) {
      if (from.promoteAfter !== to.promoteAfter) controls.promoteAfter(to.promoteAfter);
    },
  };
}

function words(promoteAfter: number): string {
  return promoteAfter === 1 ? "promoted at the first hit below" : "promoted at the second hit below";
}
