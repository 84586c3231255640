// The evidence as a curve: value, limit and the moment the rule spoke. uPlot is fetched only when the first is drawn.
import { html, useEffect, useRef, useState } from "../html.js";
import { measured, t } from "../i18n.js";
import { clock, hourMinute, monthDay, stamp } from "../time.js";

const HEIGHT = 186;
const DAY_MS = 86_400_000;
let library = null;

function load() {
  library ??= Promise.all([import("../../vendor/uplot.js"), style()]).then(([module]) => module.default);
  return library;
}

function style() {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("../../vendor/uplot.css", import.meta.url).href;
  return new Promise((done, fail) => {
    link.onload = done;
    link.onerror = () => fail(new Error("uplot.css"));
    document.head.append(link);
  });
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Text with a rim of the ground's colour, legible over any line. */
function write(ctx, text, x, y) {
  ctx.save();
  ctx.setLineDash([]);
  ctx.strokeStyle = colour("--panel");
  ctx.lineWidth = 4 * devicePixelRatio;
  ctx.lineJoin = "round";
  ctx.strokeText(text, x, y);
  ctx.restore();
  ctx.fillText(text, x, y);
}

/** Draws the limit, the trigger and their words over the plot. */
function marks({ limit, limitText, at, atText, level }) {
  return (plot) => {
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    const ratio = devicePixelRatio;
    const ink = colour(`--s${level}`);
    ctx.save();
    ctx.strokeStyle = ink;
    ctx.fillStyle = ink;
    ctx.lineWidth = 1.4 * ratio;
    ctx.font = `600 ${11.5 * ratio}px ${colour("--font")}`;
    const x = plot.valToPos(at, "x", true);
    if (x >= left && x <= left + width) {
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
      const right = x > left + width / 2;
      ctx.textAlign = right ? "right" : "left";
      write(ctx, atText, x + (right ? -6 : 6) * ratio, top + 11 * ratio);
    }
    if (typeof limit === "number") {
      const y = plot.valToPos(limit, "y", true);
      ctx.setLineDash([6 * ratio, 4 * ratio]);
      ctx.beginPath();
      ctx.moveTo(left, y);
      ctx.lineTo(left + width, y);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.textAlign = "left";
      write(ctx, limitText, left + 4 * ratio, y + (y - top < 26 * ratio ? 13 : -5) * ratio);
    }
    newest(plot, ratio);
    ctx.restore();
    plot.root.dataset.limit = typeof limit === "number" ? "1" : "";
    plot.root.dataset.trigger = x >= left && x <= left + width ? "1" : "";
  };
}

/** The last value as a dot, so that the eye lands on what is now. */
function newest(plot, ratio) {
  const [times, values] = plot.data;
  const last = values.findLastIndex((value) => typeof value === "number");
  if (last < 0) return;
  const { ctx } = plot;
  ctx.setLineDash([]);
  ctx.fillStyle = colour("--ink");
  ctx.beginPath();
  ctx.arc(plot.valToPos(times[last], "x", true), plot.valToPos(values[last], "y", true), 4 * ratio, 0, 2 * Math.PI);
  ctx.fill();
  ctx.font = `700 ${12.5 * ratio}px ${colour("--font")}`;
  ctx.textAlign = "left";
  ctx.fillText(measured(values[last]), plot.valToPos(times[last], "x", true) + 8 * ratio, plot.valToPos(values[last], "y", true) + 4 * ratio);
}

const short = (ms, wide) => (wide ? monthDay(ms) : hourMinute(ms));

function options({ width, limits, window, wide, steps, decoration }) {
  const axis = { stroke: colour("--ink-3"), font: `11px ${colour("--font")}`, ticks: { show: false } };
  const grid = { stroke: colour("--line"), width: 1 };
  return {
    width,
    height: HEIGHT,
    ms: 1,
    padding: [6, 44, 0, 0],
    cursor: { y: false, drag: { x: false, y: false } },
    legend: { show: false },
    scales: { x: { time: true, range: window }, y: { range: limits } },
    axes: [
      { ...axis, grid: { show: false }, size: 22, values: (_, ticks) => ticks.map((ms) => short(ms, wide)) },
      { ...axis, grid, size: 44, values: (_, ticks) => ticks.map((n) => measured(n)) },
    ],
    series: [
      {},
      {
        stroke: colour("--ink"), width: 2, spanGaps: false, points: { show: false },
        paths: steps ? decoration.uPlot.paths.stepped({ align: 1 }) : undefined,
      },
    ],
    hooks: { draw: [decoration.draw] },
  };
}

/** Range of the axis: everything measured, and the limit, with some air. */
const limitsFor = (limit) => (_, low, high) => {
  const least = Math.min(low ?? limit ?? 0, limit ?? Infinity);
  const most = Math.max(high ?? limit ?? 1, limit ?? -Infinity);
  const air = (most - least || Math.abs(most) || 1) * 0.12;
  return [least - air, most + air];
};

/** One sentence for those who do not see the curve. */
export function summary(times, values, unit) {
  const known = values.filter((value) => typeof value === "number");
  if (!known.length) return t("chart.none");
  const say = (value) => `${measured(value)}${unit ? ` ${unit}` : ""}`;
  return t("chart.text", {
    from: stamp(times[0]), until: stamp(times.at(-1)), low: say(Math.min(...known)), high: say(Math.max(...known)), last: say(known.at(-1)),
  });
}

/** @param {{times: number[], values: (number|null)[], from: number, until: number, alert: object, name: string, unit: string, themeName: string}} props */
export function Chart({ times, values, from, until, alert, name, unit, themeName }) {
  const box = useRef(null);
  const [failed, setFailed] = useState(false);
  const text = summary(times, values, unit);
  useEffect(() => {
    let plot = null;
    let gone = false;
    let watcher = null;
    load().then(
      (uPlot) => {
        if (gone || !box.current) return;
        const wide = until - from > 2 * DAY_MS;
        const shared = { uPlot, draw: marks({
          limit: alert.limit, level: alert.level, at: alert.deviceMs ?? alert.raisedMs,
          limitText: t(alert.dir === "low" ? "limit.low" : "limit.high", { n: measured(alert.limit) }),
          atText: t("chart.trigger", { at: clock(alert.deviceMs ?? alert.raisedMs) }),
        }) };
        const known = new Set(values.filter((value) => value !== null));
        const steps = known.size <= 2;
        plot = new uPlot(options({ width: box.current.clientWidth, limits: limitsFor(alert.limit), window: [from, until], wide, steps, decoration: shared }), [times, values], box.current);
        const element = box.current;
        watcher = new ResizeObserver(() => {
          if (element.isConnected) plot.setSize({ width: element.clientWidth, height: HEIGHT });
        });
        watcher.observe(element);
      },
      (error) => {
        console.error(error);
        setFailed(true);
      },
    );
    return () => {
      gone = true;
      watcher?.disconnect();
      plot?.destroy();
    };
  }, [times, values, alert.limit, alert.level, themeName, name]);
  return html`<figure class="chart">
    <div ref=${box} class="plot" role="img" aria-label=${text}></div>
    <figcaption>${failed ? t("chart.failed") : `${name}${unit ? ` ${unit}` : ""}${t("colon")}${text}`}</figcaption>
  </figure>`;
}
