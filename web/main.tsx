/** The dashboard's web app: the frame around the pages. */
import { render, type ComponentType, type JSX } from "preact";
import { Alerts } from "./pages/alerts.tsx";
import { Conversations } from "./pages/conversations.tsx";
import { Decisions } from "./pages/decisions.tsx";
import { Explorer } from "./pages/explorer.tsx";
import { Health } from "./pages/health.tsx";
import { Overview } from "./pages/overview.tsx";
import { Rerank } from "./pages/rerank.tsx";
import { PAGES, route, type PageName } from "./route.ts";
import { connect, connection, settings, state } from "./server.ts";
import { locale, period, PERIODS, t, theme, type Locale, type Period, type Theme } from "./settings.ts";

const VIEWS: Readonly<Record<PageName, ComponentType>> = {
  ...{ overview: Overview, decisions: Decisions, explorer: Explorer, conversations: Conversations },
  ...{ rerank: Rerank, alerts: Alerts, health: Health },
};

/** Strokes of the icons, on a field of 20. */
const ICONS: Readonly<Record<PageName, string>> = {
  overview: "M3 17V9m5 8V3m5 14v-6m5 6V6",
  decisions: "M4 4h5v5H4zM11 11h5v5h-5zM9 6.5h4.5V11",
  explorer: "M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12zm4.5-1.500L18 18",
  conversations: "M3 4h14v9H9l-4 4v-4H3z",
  rerank: "M6 16V4L3 7m3-3 3 3m5-3v12l-3-3m3 3 3-3",
  alerts: "M5 14V9a5 5 0 0 1 10 0v5l1.500 1.500h-13zM8.500 18h3",
  health: "M2 10h4l2-5 4 10 2-5h4",
};

function App(): JSX.Element {
  const { page } = route.value;
  const View = VIEWS[page];
  document.title = `${t(page)} · ${settings.value?.name ?? "strata"}`;
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        {t("skip")}
      </a>
      <nav aria-label={t("pages")}>
        <p class="brand">
          <img src="/icon.svg" alt="" width="28" height="28" />
          {settings.value?.name ?? "strata"}
        </p>
        <ul>
          {PAGES.map((name) => (
            <li key={name}>
              <a href={`#/${name}`} aria-current={name === page ? "page" : undefined}>
                <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
                  <path d={ICONS[name]} />
                </svg>
                {t(name)}
                {name === "alerts" && (state.value?.firing ?? 0) > 0 && <span class="count">{state.value?.firing}</span>}
              </a>
            </li>
          ))}
        </ul>
        <p class="version">{settings.value?.version}</p>
      </nav>
      <div class="page">
        <header class="bar-top">
          <p class={`connection ${connection.value}`} role="status">
            <span class="lamp" aria-hidden="true" />
            {t({ connecting: "connecting", live: "live", lost: "lost", "signed-out": "signedOut" }[connection.value] as "live")}
          </p>
          {settings.value?.writes === false && <p class="badge plain">{t("readOnly")}</p>}
          <span class="grow" />
          <label>
            {t("period")}{" "}
            <select id="period" value={period.value} onChange={(event) => (period.value = event.currentTarget.value as Period)}>
              {PERIODS.map((choice) => (
                <option key={choice}>{choice}</option>
              ))}
            </select>
          </label>
          <label>
            {t("theme")}{" "}
            <select id="theme" value={theme.value} onChange={(event) => (theme.value = event.currentTarget.value as Theme)}>
              <option value="auto">{t("themeAuto")}</option>
              <option value="light">{t("themeLight")}</option>
              <option value="dark">{t("themeDark")}</option>
            </select>
          </label>
          <label>
            {t("language")}{" "}
            <select id="language" value={locale.value} onChange={(event) => (locale.value = event.currentTarget.value as Locale)}>
              <option value="en">English</option>
              <option value="pt">Português</option>
            </select>
          </label>
        </header>
        <main id="main" tabIndex={-1}>
          <View key={page} />
        </main>
      </div>
    </>
  );
}

/** The address holds the page, so that the skip link cannot use it. */
function skip(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

connect();
const root = document.getElementById("app");
if (root !== null) render(<App />, root);
