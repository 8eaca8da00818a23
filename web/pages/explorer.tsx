import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { JSX } from "preact";
import type { EntryOrderName, WireEntry, WireEntryDetail, WireEntryPage } from "../../src/observability/dashboard/wire.ts";
import { bytes, clockTime, count, dateTime, duration, shortKey } from "../format.ts";
import { Badge, Empty, Table, Title } from "../parts.tsx";
import { route } from "../route.ts";
import { get, post, settings } from "../server.ts";
import { showTexts, t } from "../settings.ts";

const ORDERS: readonly EntryOrderName[] = ["newest", "oldest", "largest", "costliest"];
const PAGE = 50;
/** Typing is waited for. */
const PAUSE_MS = 120;

export function Explorer(): JSX.Element {
  const text = useSignal(route.value.query.get("q") ?? "");
  const tier = useSignal("");
  const order = useSignal<EntryOrderName>("newest");
  const page = useSignal<WireEntryPage | undefined>(undefined);
  const entries = useSignal<readonly WireEntry[]>([]);
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const said = useSignal("");
  const shown = useSignal<WireEntryDetail | undefined>(undefined);
  const again = useSignal(0);
  const dialog = useRef<HTMLDialogElement>(null);
  const latest = useRef(0);

  const query = useComputed(() => {
    const texts = showTexts.value ? "&text=1" : "";
    return `entries?limit=${PAGE}&q=${encodeURIComponent(text.value)}&tier=${encodeURIComponent(tier.value)}&order=${order.value}${texts}`;
  });
  useSignalEffect(() => {
    void again.value;
    const asked = query.value;
    const timer = setTimeout(() => void load(asked), PAUSE_MS);
    return () => clearTimeout(timer);
  });
  // While the index is being made, what there is of it grows.
  useSignalEffect(() => {
    if (page.value?.index.building !== true) return;
    const timer = setTimeout(() => again.value++, 700);
    return () => clearTimeout(timer);
  });
  useSignalEffect(() => {
    const asked = route.value.query.get("q");
    if (asked !== null) text.value = asked;
  });

  const load = async (path: string, more = false): Promise<void> => {
    const number = ++latest.current;
    try {
      const loaded = await get<WireEntryPage>(path);
      // An answer to what was typed before would replace a newer one.
      if (number !== latest.current) return;
      page.value = loaded;
      entries.value = more ? [...entries.value, ...loaded.entries] : loaded.entries;
    } catch (error) {
      said.value = t("failed", { message: (error as Error).message });
    }
  };
  const inspect = async (key: string): Promise<void> => {
    try {
      shown.value = await get<WireEntryDetail>(`entries/${key}`);
      dialog.current?.showModal();
    } catch {
      said.value = t("gone");
    }
  };
  const change = async (work: () => Promise<{ removed: number }>): Promise<void> => {
    try {
      said.value = t("deleted", { n: (await work()).removed });
      chosen.value = new Set();
      dialog.current?.close();
      again.value++;
    } catch (error) {
      said.value = t("failed", { message: (error as Error).message });
    }
  };
  const remove = (keys: readonly string[]): void => {
    if (confirm(t("confirmDelete", { n: keys.length }))) void change(() => post("entries/delete", { keys }));
  };
  const clear = (name: string): void => {
    if (confirm(t("confirmClear", { tier: name }))) void change(() => post("clear", { tier: name }));
  };
  const toggle = (key: string): void => {
    const next = new Set(chosen.value);
    if (!next.delete(key)) next.add(key);
    chosen.value = next;
  };

  if (settings.value !== undefined && !settings.value.parts.includes("cache")) {
    return (
      <>
        <Title>{t("explorer")}</Title>
        <Empty>{t("absent", { part: "cache" })}</Empty>
      </>
    );
  }
  const writes = settings.value?.writes === true;
  const prompts = settings.value?.prompts === true;
  const index = page.value?.index;
  const isAllChosen = entries.value.length > 0 && entries.value.every(({ key }) => chosen.value.has(key));
  return (
    <>
      <Title {...(prompts ? {} : { hint: t("hiddenPrompts") })}>{t("explorer")}</Title>
      <section class="card" aria-label={t("entries")}>
        <div class="toolbar">
          <label class="grow">
            <span class="hidden">{t("search")}</span>
            <input
              type="search"
              value={text.value}
              placeholder={t(prompts ? "searchHint" : "searchHintHidden")}
              onInput={(event) => (text.value = event.currentTarget.value)}
            />
          </label>
          <label>
            {t("tier")}{" "}
            <select value={tier.value} onChange={(event) => (tier.value = event.currentTarget.value)}>
              <option value="">{t("all")}</option>
              {page.value?.tiers.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <label>
            {t("order")}{" "}
            <select value={order.value} onChange={(event) => (order.value = event.currentTarget.value as EntryOrderName)}>
              {ORDERS.map((name) => (
                <option key={name} value={name}>
                  {t(name)}
                </option>
              ))}
            </select>
          </label>
          {prompts && (
            <label class="check">
              <input
                type="checkbox"
                checked={showTexts.value}
                onChange={(event) => (showTexts.value = event.currentTarget.checked)}
              />{" "}
              {t("showTexts")}
            </label>
          )}
        </div>
        <div class="toolbar">
          <p class="grow hint" role="status">
            {page.value !== undefined && t("found", { n: count(page.value.total), ms: count(page.value.ms) })}
            {index?.building === true && index.at === null && ` · ${t("indexing", { n: count(index.entries) })}`}
            {index !== undefined && index.at !== null && ` · ${t("indexedAt", { time: clockTime(index.at) })}`}
            {index !== undefined && index.failed.length > 0 && ` · ${t("failedTiers", { tiers: index.failed.join(", ") })}`}
            {said.value !== "" && ` · ${said.value}`}
          </p>
          {writes && chosen.value.size > 0 && (
            <button type="button" class="danger" onClick={() => remove([...chosen.value])}>
              {t("deleteSelected", { n: chosen.value.size })}
            </button>
          )}
          {writes && tier.value !== "" && (
            <button type="button" class="danger" onClick={() => clear(tier.value)}>
              {t("clearTier", { tier: tier.value })}
            </button>
          )}
        </div>
        {entries.value.length === 0 ? (
          <p class="empty">{t(page.value === undefined ? "loading" : "none")}</p>
        ) : (
          <Table
            caption={t("entries")}
            head={[
              ...(writes
                ? [
                    <input
                      key="all"
                      type="checkbox"
                      aria-label={t("selectAll")}
                      checked={isAllChosen}
                      onChange={() => (chosen.value = isAllChosen ? new Set() : new Set(entries.value.map(({ key }) => key)))}
                    />,
                  ]
                : []),
              t("key"),
              ...(showTexts.value && prompts ? [t("text")] : []),
              t("tiers"),
              t("created"),
              t("expires"),
              t("saves"),
              t("size"),
            ]}
          >
            {entries.value.map((entry) => (
              <tr key={entry.key}>
                {writes && (
                  <td>
                    <input
                      type="checkbox"
                      aria-label={t("select", { key: shortKey(entry.key) })}
                      checked={chosen.value.has(entry.key)}
                      onChange={() => toggle(entry.key)}
                    />
                  </td>
                )}
                <td>
                  <button
                    type="button"
                    class="link"
                    onClick={() => void inspect(entry.key)}
                    aria-label={`${t("inspect")} ${shortKey(entry.key)}`}
                  >
                    <code>{shortKey(entry.key)}</code>
                  </button>
                </td>
                {showTexts.value && prompts && <td class="text">{entry.text ?? ""}</td>}
                <td>
                  {entry.tiers.map((name) => (
                    <Badge key={name} tone="plain">
                      {name}
                    </Badge>
                  ))}
                </td>
                <td class="number">{dateTime(entry.createdAt)}</td>
                <td class="number">{dateTime(entry.expiresAt)}</td>
                <td class="number">{entry.savesMs > 0 ? duration(entry.savesMs) : "–"}</td>
                <td class="number">{bytes(entry.bytes)}</td>
              </tr>
            ))}
          </Table>
        )}
        {page.value?.cursor != null && (
          <button type="button" class="more" onClick={() => void load(`${query.value}&cursor=${page.value?.cursor}`, true)}>
            {t("more")}
          </button>
        )}
      </section>
      <dialog ref={dialog} aria-labelledby="entry">
        {shown.value !== undefined && (
          <>
            <h2 id="entry">{t("entry")}</h2>
            <Details entry={shown.value} />
            <div class="toolbar">
              <span class="grow" />
              {writes && (
                <button type="button" class="danger" onClick={() => remove([shown.value?.key ?? ""])}>
                  {t("delete")}
                </button>
              )}
              <button type="button" onClick={() => dialog.current?.close()}>
                {t("close")}
              </button>
            </div>
          </>
        )}
      </dialog>
    </>
  );
}

function Details({ entry }: { entry: WireEntryDetail }): JSX.Element {
  const prompts = settings.value?.prompts === true;
  const rows: readonly (readonly [string, string])[] = [
    [t("key"), entry.key],
    [t("kind"), t(entry.kind)],
    [t("model"), entry.model ?? "–"],
    [t("tiers"), entry.tiers.join(", ")],
    [t("scope"), `${entry.scope}…`],
    [t("tags"), entry.tags.length === 0 ? "–" : entry.tags.join(", ")],
    [t("created"), dateTime(entry.createdAt)],
    [t("expires"), dateTime(entry.expiresAt)],
    [t("saves"), entry.savesMs > 0 ? duration(entry.savesMs) : "–"],
    [t("tokens"), count(entry.tokens)],
    [t("size"), bytes(entry.bytes)],
    [t("stored"), bytes(entry.storedBytes)],
  ];
  return (
    <>
      <dl class="details">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {!prompts && <p class="hint">{t("hiddenPrompts")}</p>}
      {prompts && entry.kind === "answer" && (
        <>
          <h3>{t("question")}</h3>
          <pre tabIndex={0}>{entry.question ?? t("notStored")}</pre>
        </>
      )}
      {prompts && (
        <>
          <h3>{t(entry.kind)}</h3>
          <pre tabIndex={0}>{entry.answer ?? ""}</pre>
        </>
      )}
    </>
  );
}
