/** A line chart over time. What it shows is also said in words, for those who do not see it. */
import { useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { JSX } from "preact";
import uPlot from "uplot";
import type { WireHistory } from "../src/observability/dashboard/wire.ts";
import { clockTime } from "./format.ts";
import { locale, period, theme } from "./settings.ts";

export interface Line {
  /** Name of the series. */
  readonly series: string;
  readonly label: string;
  /** Position in the palette. */
  readonly colour: number;
}

export interface ChartProps {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly history: WireHistory | undefined;
  readonly format: (value: number | null) => string;
  /** Fills under the lines. */
  readonly area?: boolean;
  /** The top of the scale, where it is known; otherwise the largest value. */
  readonly top?: number;
}

const HEIGHT = 190;
const AXIS = { font: "11px system-ui, sans-serif", ticks: { show: false } } as const;

export function Chart(props: ChartProps): JSX.Element {
  const { title, lines, history, format } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const draw = (): void => {
    const element = place.current;
    if (element === null) return;
    plot.current?.destroy();
    plot.current = new uPlot(optionsOf(props, element.clientWidth), dataOf(props), element);
  };
  // Lines of other tiers, another language or theme: a new chart. New points: the same one.
  const shape = lines.map(({ series, label }) => `${series} ${label}`).join("|");
  useSignalEffect(() => {
    void [theme.value, locale.value, period.value];
    requestAnimationFrame(draw);
  });
  useEffect(draw, [shape]);
  useEffect(() => plot.current?.setData(dataOf(props)), [history]);
  useEffect(() => {
    const sized = new ResizeObserver(() => {
      const width = place.current?.clientWidth ?? 0;
      if (width > 0 && plot.current !== undefined && plot.current.width !== width)
        plot.current.setSize({ width, height: HEIGHT });
    });
    if (place.current !== null) sized.observe(place.current);
    dark.addEventListener("change", draw);
    return () => {
      sized.disconnect();
      dark.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, []);

  const latest = lines.map(({ series, label, colour }) => ({ label, colour, value: newest(history, series) }));
  return (
    <figure class="chart card">
      <figcaption>
        <h2>{title}</h2>
        <ul class="legend">
          {latest.map(({ label, colour, value }) => (
            <li key={label}>
              <span class={`dot c${colour}`} aria-hidden="true" />
              {label} <b>{format(value)}</b>
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={place} class="plot" aria-hidden="true" />
    </figure>
  );
}

function newest(history: WireHistory | undefined, series: string): number | null {
  return history?.series[series]?.findLast((value) => value !== null) ?? null;
}

function dataOf({ lines, history }: ChartProps): uPlot.AlignedData {
  const at = (history?.at ?? []).map((time) => time / 1_000);
  return [at, ...lines.map(({ series }) => [...(history?.series[series] ?? at.map(() => null))])];
}

function optionsOf({ lines, format, area = false, top }: ChartProps, width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const grid = { stroke: colour("--line"), width: 1 };
  return {
    width: Math.max(width, 120),
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    padding: [10, 22, 0, 0],
    scales: { x: { time: true }, y: { range: (_plot, _least, most) => [0, top ?? (most > 0 ? most * 1.15 : 1)] } },
    axes: [
      {
        ...AXIS,
        stroke: colour("--muted"),
        grid: { show: false },
        space: 70,
        size: 28,
        values: (_plot, ticks) => ticks.map(labelOf),
      },
      {
        ...AXIS,
        stroke: colour("--muted"),
        grid,
        size: 56,
        space: 34,
        values: (_plot, ticks) => ticks.map((tick) => format(tick)),
      },
    ],
    series: [
      {},
      ...lines.map((line): uPlot.Series => {
        const stroke = colour(`--c${line.colour}`);
        return {
          label: line.label,
          stroke,
          width: 1.8,
          points: { show: false },
          spanGaps: true,
          ...(area && { fill: `${stroke}22` }),
        };
      }),
    ],
  };
}

function labelOf(seconds: number): string {
  const at = seconds * 1_000;
  if (period.value === "10m" || period.value === "1h") return clockTime(at).slice(0, 8);
  const days = period.value === "7d" || period.value === "30d";
  return new Intl.DateTimeFormat(
    locale.value,
    days ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit" },
  ).format(at);
}
