import { guardObserver, type Observer } from "../core/events.ts";
import { exactHitsOfAll, withExactHits } from "../core/exact-hits.ts";

/** One observer made of several. Each sees every event, also when another throws. */
export function fanOut(...observers: ReadonlyArray<Observer | undefined>): Observer {
  const guarded = observers.map(guardObserver).filter((observer) => observer !== undefined);
  const all: Observer = (event) => {
    for (const observer of guarded) observer(event);
  };
  const count = exactHitsOfAll(guarded);
  return count === undefined ? all : withExactHits(all, count);
}
