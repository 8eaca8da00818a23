/** The small parts that pages are made of. */
import type { ComponentChildren, JSX } from "preact";
import { t } from "./settings.ts";
import type { Loaded } from "./server.ts";

export type Tone = "good" | "bad" | "warn" | "plain" | "info";

export function Tile({ label, value, note, tone }: { label: string; value: string; note?: string; tone?: Tone }): JSX.Element {
  return (
    <div class={`tile card ${tone ?? ""}`}>
      <dt>{label}</dt>
      <dd>
        <span class="figure">{value}</span>
        {note !== undefined && <span class="note">{note}</span>}
      </dd>
    </div>
  );
}

export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }): JSX.Element {
  return <span class={`badge ${tone}`}>{children}</span>;
}

/** A share as a bar; the number beside it says the same. */
export function Bar({ value, colour = 0 }: { value: number | null; colour?: number }): JSX.Element {
  return (
    <span class="bar" aria-hidden="true">
      <span class={`c${colour}`} style={{ width: `${Math.max(0, Math.min(1, value ?? 0)) * 100}%` }} />
    </span>
  );
}

/** A table that scrolls within itself when it is too wide; the keyboard can scroll it too. */
export function Table({
  caption,
  head,
  children,
}: {
  caption: string;
  head: readonly ComponentChildren[];
  children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="table" tabIndex={0} role="group" aria-label={caption}>
      <table>
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            {head.map((cell, index) => (
              <th scope="col" key={index}>
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

/** What is loaded; a failure beside what there was before. */
export function Await<T>({ loaded, children }: { loaded: Loaded<T>; children: (data: T) => ComponentChildren }): JSX.Element {
  return (
    <>
      {loaded.error !== undefined && (
        <p class="card error" role="alert">
          {t("failed", { message: loaded.error })}
        </p>
      )}
      {loaded.data === undefined && loaded.error === undefined && <p class="empty">{t("loading")}</p>}
      {loaded.data !== undefined && children(loaded.data)}
    </>
  );
}

export function Empty({ children }: { children: ComponentChildren }): JSX.Element {
  return <p class="empty card">{children}</p>;
}

export function Title({ children, hint }: { children: ComponentChildren; hint?: string }): JSX.Element {
  return (
    <header class="title">
      <h1 tabIndex={-1}>{children}</h1>
      {hint !== undefined && <p>{hint}</p>}
    </header>
  );
}
