import type { Clock } from "./clock.ts";

/** Every seam that waits takes this, last. */
export interface CallOptions {
  /** Ends the wait, and the work where it can be ended. */
  readonly signal?: AbortSignal | undefined;
}

/** A value, or the promise of one: what answers at once costs no turn of the event loop. */
export type MaybePromise<T> = T | Promise<T>;

export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** Lets go of what a user's function gave where no promise is accepted: unhandled, its rejection would end the process. */
export function letGo(given: unknown): void {
  if (isPromise(given)) given.then(undefined, () => undefined);
}

/** Who waits for one signal, behind a single listener. */
interface Watch {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const watches = new WeakMap<AbortSignal, Watch>();

/**
 * Calls `callback` once, when the signal aborts or now if it has; the returned function takes that back.
 *
 * However many wait for one signal, it gets one listener: Node warns of a leak at the eleventh, and a batch of calls shares its
 * caller's signal. With the last callback the listener goes, for a signal that is listened to is not collected.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback();
    return () => undefined;
  }
  const { callbacks, listener } = watches.get(signal) ?? watch(signal);
  callbacks.add(callback);
  return () => {
    callbacks.delete(callback);
    if (callbacks.size > 0 || watches.get(signal)?.callbacks !== callbacks) return;
    watches.delete(signal);
    signal.removeEventListener("abort", listener);
  };
}

function watch(signal: AbortSignal): Watch {
  const callbacks = new Set<() => void>();
  const listener = (): void => {
    watches.delete(signal);
    for (const callback of callbacks) callback();
  };
  const made: Watch = { callbacks, listener };
  watches.set(signal, made);
  signal.addEventListener("abort", listener, { once: true });
  return made;
}

/**
 * Waits for `ms` milliseconds, or rejects with the signal's reason as soon as it aborts.
 * @param options.background whether the process may end meanwhile
 */
export function sleep(clock: Clock, ms: number, options: CallOptions & { readonly background?: boolean } = {}): Promise<void> {
  const { signal, background = false } = options;
  return new Promise((resolve, reject) => {
    const fire = (): void => {
      release?.();
      resolve();
    };
    const cancel = clock.setTimer(ms, fire, { background });
    const release =
      signal &&
      onAbort(signal, () => {
        cancel();
        reject(signal.reason as Error);
      });
  });
}

/**
 * Waits for `promise`, or rejects with the signal's reason as soon as it aborts. The work behind the promise goes on: it may
 * be shared with others.
 */
export function waitOrAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const release = onAbort(signal, () => reject(signal.reason as Error));
    // Also when the caller has left: a failure that nobody listens to ends the process.
    promise.finally(release).then(resolve, reject);
  });
}
