import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { WireConversation, WireHistory, WireMessage } from "../../src/observability/dashboard/wire.ts";
import { Chart } from "../chart.tsx";
import { count, dateTime, duration } from "../format.ts";
import { Await, Empty, Table, Tile, Title } from "../parts.tsx";
import { settings, state, usePolled } from "../server.ts";
import { period, t } from "../settings.ts";

const STRATEGIES = ["session_only", "recent_history", "semantic_search", "hybrid", "cross_conversation"];

export function Conversations(): JSX.Element {
  const owner = useSignal("");
  const opened = useSignal<WireConversation | undefined>(undefined);
  const names = STRATEGIES.map((name) => `recalls:${name}`);
  const history = usePolled<WireHistory>(() => `history?period=${period.value}&series=${names.join(",")}`, 3_000);
  const loaded = usePolled<{ conversations: WireConversation[] }>(
    () => `conversations?limit=100&owner=${encodeURIComponent(owner.value)}`,
    5_000,
  );
  const metrics = state.value?.metrics;
  const isThere = settings.value?.parts.includes("conversations") === true;
  return (
    <>
      <Title>{t("conversations")}</Title>
      {metrics !== undefined && (
        <dl class="tiles">
          <Tile label={t("active")} value={count(metrics.history.activeConversations)} />
          <Tile label={t("messages")} value={count(metrics.history.messages)} note={t("sinceStart")} />
          <Tile
            label={t("lag")}
            value={duration(metrics.history.lagMs)}
            {...(metrics.history.lagMs > 60_000 && { tone: "bad" as const })}
          />
          <Tile
            label={t("recalls")}
            value={count(metrics.memory.recalls)}
            note={`${count(metrics.memory.cacheHits)} ${t("cacheHits").toLowerCase()}`}
          />
        </dl>
      )}
      <section class="card" aria-labelledby="strategies">
        <h2 id="strategies">{t("strategies")}</h2>
        <Table
          caption={t("strategies")}
          head={[t("strategy"), t("recalls"), t("routed"), t("cacheHits"), t("results"), t("degraded"), t("median"), "p95"]}
        >
          {metrics?.memory.strategies.map((one) => (
            <tr key={one.strategy}>
              <th scope="row">
                <code>{one.strategy}</code>
              </th>
              <td class="number">{count(one.recalls)}</td>
              <td class="number">{count(one.routed)}</td>
              <td class="number">{count(one.cacheHits)}</td>
              <td class="number">{count(one.results)}</td>
              <td class="number">{count(one.degraded)}</td>
              <td class="number">{duration(one.latency.p50)}</td>
              <td class="number">{duration(one.latency.p95)}</td>
            </tr>
          ))}
        </Table>
      </section>
      <Chart
        title={t("recallsOverTime")}
        history={history.value.data}
        format={count}
        lines={STRATEGIES.map((name, colour) => ({ series: `recalls:${name}`, label: name, colour }))}
      />
      {!isThere && <Empty>{t("absent", { part: t("conversations").toLowerCase() })}</Empty>}
      {isThere && (
        <Await loaded={loaded.value}>
          {({ conversations }) => (
            <section class="card" aria-label={t("conversations")}>
              <div class="toolbar">
                <label>
                  {t("filterOwner")}{" "}
                  <input type="text" value={owner.value} onChange={(event) => (owner.value = event.currentTarget.value)} />
                </label>
              </div>
              {conversations.length === 0 ? (
                <p class="empty">{t("none")}</p>
              ) : (
                <Table
                  caption={t("conversations")}
                  head={[t("owner"), t("session"), t("feature"), t("messages"), t("created"), t("updated"), t("open")]}
                >
                  {conversations.map((one) => (
                    <tr key={`${one.ownerId}\n${one.sessionId}`}>
                      <td class="text">{one.ownerId === "" ? "–" : one.ownerId}</td>
                      <td class="text">{one.sessionId}</td>
                      <td class="text">{one.feature ?? "–"}</td>
                      <td class="number">{count(one.messages)}</td>
                      <td class="number">{dateTime(one.createdAt)}</td>
                      <td class="number">{dateTime(one.updatedAt)}</td>
                      <td>
                        <button
                          type="button"
                          class="small"
                          aria-label={`${t("open")} ${one.sessionId}`}
                          onClick={() => (opened.value = one)}
                        >
                          {t("open")}
                        </button>
                      </td>
                    </tr>
                  ))}
                </Table>
              )}
            </section>
          )}
        </Await>
      )}
      {opened.value !== undefined && <Messages key={opened.value.sessionId} of={opened.value} />}
    </>
  );
}

function Messages({ of }: { of: WireConversation }): JSX.Element {
  const path = `messages?limit=200&owner=${encodeURIComponent(of.ownerId)}&session=${encodeURIComponent(of.sessionId)}`;
  const loaded = usePolled<{ messages: WireMessage[] }>(() => path, 5_000);
  return (
    <section class="card" aria-label={`${t("messages")} ${of.sessionId}`}>
      <h2>
        {t("messages")} · {of.sessionId}
      </h2>
      {settings.value?.prompts !== true && <p class="hint">{t("hiddenPrompts")}</p>}
      <Await loaded={loaded.value}>
        {({ messages }) => (
          <ol class="messages">
            {messages.map((message, index) => (
              <li key={index} class={message.role}>
                <b>{message.role}</b> <span class="note">{dateTime(message.at)}</span>
                <p>{message.text ?? t("characters", { n: count(message.length) })}</p>
              </li>
            ))}
          </ol>
        )}
      </Await>
    </section>
  );
}
