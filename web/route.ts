/** The page is in the address, behind the hash: pages can be linked and gone back to. */
import { signal, type Signal } from "@preact/signals";

export const PAGES = ["overview", "decisions", "explorer", "conversations", "rerank", "alerts", "health"] as const;
export type PageName = (typeof PAGES)[number];

export interface Route {
  readonly page: PageName;
  readonly query: URLSearchParams;
}

export const route: Signal<Route> = signal(read());

addEventListener("hashchange", () => {
  const before = route.value.page;
  route.value = read();
  // Keyboards and screen readers go on at the new page, not where the old one was left.
  if (route.value.page !== before) requestAnimationFrame(() => document.querySelector<HTMLElement>("h1")?.focus());
});

function read(): Route {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { page: PAGES.find((page) => page === path) ?? "overview", query: new URLSearchParams(query) };
}
