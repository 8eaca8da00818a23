import { guardObserver, type Observer } from "../core/events.ts";

/** One observer made of several. Each sees every event, also when another throws. */
export function fanOut(...observers: ReadonlyArray<Observer | undefined>): Observer {
  const guarded = observers.map(guardObserver).filter((observer) => observer !== undefined);
  return (event) => {
    for (const observer of guarded) observer(event);
  };
}
