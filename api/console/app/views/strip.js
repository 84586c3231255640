// The figures of the shift: alerts per level and how many wait, the rate against the flood line, the oldest one waiting.
import { html, memo } from "../html.js";
import { grouped, t } from "../i18n.js";
import { state } from "../store.js";
import { parse, span } from "../time.js";
import { Shape } from "../ui/badge.js";
import { Timer } from "../ui/timer.js";
import { go, route } from "../router.js";

const FLOOD_LINE = 10;
const BARS = { w: 560, h: 44 };

function Rates({ strip }) {
  const { w, h } = BARS;
  const top = Math.max(14, ...strip) * 1.02;
  const step = w / strip.length;
  const y = h - (FLOOD_LINE / top) * h;
  return html`<svg class="rates" width="100%" height=${h} viewBox=${`0 0 ${w} ${h}`} preserveAspectRatio="none" role="img"
    aria-label=${t("strip.rates_text", { list: strip.join(", ") })}>
    ${strip.map((n, i) => html`<rect key=${i} x=${i * step + 3} width=${step - 6} y=${h - Math.max((n / top) * h, n ? 2 : 0.8)}
      height=${Math.max((n / top) * h, n ? 2 : 0.8)} class=${n > FLOOD_LINE ? "over" : i === strip.length - 1 ? "now" : ""} />`)}
    <line x1="0" x2=${w} y1=${y} y2=${y} vector-effect="non-scaling-stroke" />
  </svg>`;
}

export function toggleLevel(level) {
  const { levels } = route();
  go({ levels: levels.includes(level) ? levels.filter((n) => n !== level) : [...levels, level].sort() });
}

function Level({ level, count }) {
  const on = route().levels.includes(level);
  return html`<button type="button" class="cell level" aria-pressed=${on} data-level=${level}
    title=${t("strip.level_hint", { key: level })} onClick=${() => toggleLevel(level)}>
    <span class="k"><${Shape} level=${level} size=${16} digit=${false} />${t(`level.${level}.long`)}</span>
    <span class="v"><b class=${level === 1 && count.n ? "l1" : ""} data-figure="total">${grouped(count.n)}</b><small>${t("strip.unacked")}${" "}
      <b data-figure="unacked">${grouped(count.unacked)}</b></small></span>
  </button>`;
}

export const Strip = memo(({ counts, health }) => {
  const oldest = counts.oldest ?? parse(health.oldest_unacked);
  const waits = (at) => (counts.oldest === null ? t("strip.none_waiting") : span(at - oldest));
  const strip = health.rate_strip ?? [];
  return html`<section class="strip" aria-label=${t("strip.label")}>
    <div class="cell scope"><span class="k">${t("strip.scope")}</span>
      <span class="v">${state.shift?.scope ?? t("strip.compounds", { n: state.places.length })}</span></div>
    ${[1, 2, 3, 4].map((level) => html`<${Level} key=${level} level=${level} count=${counts.levels[level]} />`)}
    <div class="cell rate"><span class="k">${t("strip.rate")} <b>${health.rate10 ?? 0}</b> ${t("strip.rate_unit")}<span class="far">${t("strip.two_hours")}</span></span>
      <${Rates} strip=${strip} /></div>
    <div class="cell oldest"><span class="k">${t("strip.oldest")}</span>
      <span class="v"><${Timer} write=${waits} /></span></div>
    <div class="cell devices"><span class="k">${t("strip.offline")}</span>
      <span class="v"><b class=${health.offline ? "" : "quiet"}>${grouped(health.offline ?? 0)}</b><small>${t("strip.devices", { n: grouped(health.devices ?? 0) })}</small></span></div>
  </section>`;
});
