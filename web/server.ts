/** The server as the pages see it: one stream of state, and requests. */
import { signal, useSignal, useSignalEffect, type ReadonlySignal, type Signal } from "@preact/signals";
import type { WireSettings, WireState } from "../src/observability/dashboard/wire.ts";

export type Connection = "connecting" | "live" | "lost" | "signed-out";

export const connection: Signal<Connection> = signal("connecting");
export const state: Signal<WireState | undefined> = signal(undefined);
export const settings: Signal<WireSettings | undefined> = signal(undefined);

/** What a request came to. */
export interface Loaded<T> {
  readonly data: T | undefined;
  readonly error: string | undefined;
}

export async function get<T>(path: string): Promise<T> {
  return answerOf(await fetch(`/api/${path}`));
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  const headers = { "content-type": "application/json", "x-strata-request": "1" };
  return answerOf(await fetch(`/api/${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
}

async function answerOf<T>(response: Response): Promise<T> {
  if (response.status === 401) connection.value = "signed-out";
  const body = (await response.json()) as T & { error?: { message: string } };
  if (!response.ok) throw new Error(body.error?.message ?? String(response.status));
  return body;
}

/** Opens the stream. The browser opens it again by itself when it breaks; only a refusal ends it. */
export function connect(): void {
  const source = new EventSource("/api/live");
  source.addEventListener("state", ({ data }) => {
    connection.value = "live";
    state.value = JSON.parse(data as string) as WireState;
  });
  source.addEventListener("error", () => {
    if (connection.value !== "signed-out") connection.value = "lost";
    if (source.readyState === EventSource.CLOSED) void reconnect();
  });
  if (settings.value === undefined) void load();
}

/** After a refusal: says so when the session has ended, and tries again otherwise. */
async function reconnect(): Promise<void> {
  await get("settings").then(
    () => setTimeout(connect, 2_000),
    () => {
      if (connection.value !== "signed-out") setTimeout(() => void reconnect(), 2_000);
    },
  );
}

async function load(): Promise<void> {
  settings.value = await get<WireSettings>("settings").catch(() => undefined);
}

/** Asks now and then every so often, while the page is looked at; a new path is asked at once. */
export function usePolled<T>(path: () => string, everyMs: number): ReadonlySignal<Loaded<T>> {
  const loaded = useSignal<Loaded<T>>({ data: undefined, error: undefined });
  useSignalEffect(() => {
    const asked = path();
    let ended = false;
    const ask = async (): Promise<void> => {
      if (document.hidden && loaded.peek().data !== undefined) return;
      try {
        const data = await get<T>(asked);
        if (!ended) loaded.value = { data, error: undefined };
      } catch (error) {
        if (!ended) loaded.value = { data: loaded.peek().data, error: (error as Error).message };
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), everyMs);
    return () => {
      ended = true;
      clearInterval(timer);
    };
  });
  return loaded;
}
