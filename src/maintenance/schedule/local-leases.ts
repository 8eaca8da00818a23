/** Leases of one process: for a scheduler that is alone. */
import { systemClock, type Clock } from "../../core/clock.ts";
import type { ScheduleLeases } from "./schedule-leases.ts";

/** Schedulers that are given the same leases run a job once. */
export function localLeases(clock: Clock = systemClock): ScheduleLeases {
  const jobs = new Map<string, { slot: number; token: number; heldUntil: number }>();
  return {
    async take(job, slot, ms) {
      const known = jobs.get(job);
      if (known !== undefined && (known.slot >= slot || known.heldUntil > clock.monotonic())) return undefined;
      const taken = { slot, token: (known?.token ?? 0) + 1, heldUntil: clock.monotonic() + ms };
      jobs.set(job, taken);
      return {
        token: taken.token,
        async renew(again) {
          if (jobs.get(job) !== taken) return false;
          taken.heldUntil = clock.monotonic() + again;
          return true;
        },
        async end() {
          taken.heldUntil = -Infinity;
        },
      };
    },
  };
}
