/**
 * Sittings: what people mean by "two sessions ago". A chat window may stay open for weeks, so a session id says little; a pause
 * says more. A new sitting begins after a long pause, or where a new session begins after a short one.
 */

/** A message's place in time. */
export interface SittingTurn {
  readonly sessionId: string;
  /** Unix ms. */
  readonly createdAt: number;
}

export interface Sitting {
  /** Unix ms of its first and of its last message. */
  readonly from: number;
  readonly to: number;
}

/** Below this a change of session is somebody with two windows, not a new beginning. */
const SESSION_CHANGE_PAUSE = 15 * 60_000;

/**
 * The sittings of an owner, oldest first.
 * @param turns in order of time
 * @param gapMs the pause that ends a sitting whatever the session
 */
export function sittingsOf(turns: Iterable<SittingTurn>, gapMs: number): readonly Sitting[] {
  const sittings: { from: number; to: number }[] = [];
  let session: string | undefined;
  for (const { sessionId, createdAt } of turns) {
    const current = sittings.at(-1);
    const pause = current === undefined ? Infinity : createdAt - current.to;
    if (current === undefined || pause > gapMs || (sessionId !== session && pause > Math.min(SESSION_CHANGE_PAUSE, gapMs))) {
      sittings.push({ from: createdAt, to: createdAt });
    } else {
      current.to = Math.max(current.to, createdAt);
    }
    session = sessionId;
  }
  return sittings;
}

/**
 * The stretch of the sittings that a filter counts, `undefined` where there are not so many. The last finished sitting is the
 * newest one, unless it is still going on: then it is the one before.
 */
export function sittingStretch(
  sittings: readonly Sitting[],
  filter: { readonly from: number; readonly to: number; readonly counted: "from-start" | "from-end" },
  going: { readonly now: number; readonly gapMs: number; readonly sessionId?: string | undefined; readonly inSession?: boolean },
): { readonly from: number; readonly to: number } | undefined {
  const newest = sittings.at(-1);
  const finished = newest && going.inSession && going.now - newest.to <= going.gapMs ? sittings.slice(0, -1) : sittings;
  const counted = filter.counted === "from-start" ? sittings : finished.toReversed();
  const chosen = counted.slice(filter.from - 1, filter.to);
  const from = Math.min(...chosen.map((sitting) => sitting.from));
  const to = Math.max(...chosen.map((sitting) => sitting.to));
  return chosen.length === 0 ? undefined : { from, to: to + 1 };
}
