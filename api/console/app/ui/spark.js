// The small curve in a row: the last points of the main signal, the limit dashed, the newest value a dot.
import { html } from "../html.js";

const W = 92;
const H = 30;
const PAD = 3;

export function Spark({ trend, limit }) {
  const points = (trend ?? []).filter((value) => typeof value === "number");
  if (points.length < 2) return html`<svg class="spark" width=${W} height=${H} aria-hidden="true"></svg>`;
  const all = typeof limit === "number" ? [...points, limit] : points;
  const low = Math.min(...all);
  const high = Math.max(...all);
  const room = high - low || Math.max(Math.abs(high), 1);
  const base = high === low ? low - room / 2 : low;
  const y = (value) => (H - PAD - ((value - base) / room) * (H - 2 * PAD)).toFixed(1);
  const x = (i) => ((i / (points.length - 1)) * (W - PAD - 1)).toFixed(1);
  const line = points.map((value, i) => `${x(i)},${y(value)}`).join(" ");
  return html`<svg class="spark" width=${W} height=${H} aria-hidden="true">
    ${typeof limit === "number" && html`<line class="spark-limit" x1="0" x2=${W} y1=${y(limit)} y2=${y(limit)} />`}
    <polyline class="spark-line" points=${line} />
    <circle class="spark-dot" cx=${x(points.length - 1)} cy=${y(points.at(-1))} r="2.4" />
  </svg>`;
}
