// Compounds, the worst first. Search here covers everything, since the browser's own find cannot see rows not drawn.
import { html, memo } from "../html.js";
import { named, t } from "../i18n.js";
import { ranked } from "../order.js";
import { go, route } from "../router.js";
import { state } from "../store.js";
import { Shape } from "../ui/badge.js";

/** The compounds as the rail shows them, filtered by the search text where a compound's own name has it. */
export function railRows(counts) {
  const rows = ranked(state.places, counts.compounds, named);
  const words = route().query.trim().toLowerCase();
  if (!words) return rows;
  const own = rows.filter((row) =>
    [named(row.name), row.name?.zh, row.name?.en, row.id, row.initials].some((text) => text?.toLowerCase().includes(words)),
  );
  return own.length ? own : rows.filter((row) => row.counts);
}

/** The previous or next compound of the rail becomes the filter. */
export function stepCompound(counts, step) {
  const rows = railRows(counts);
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.id === route().compound);
  const next = at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step;
  go({ compound: rows[next]?.id ?? "" });
}

function Compound({ row, on }) {
  const counts = row.counts ?? [0, 0, 0, 0];
  const found = counts.map((n, i) => [i + 1, n]).filter(([, n]) => n > 0);
  return html`<li><button type="button" class="compound" aria-pressed=${on} onClick=${() => go({ compound: on ? "" : row.id })}>
    <span class="n clip">${named(row.name)}</span>
    <span class="q">${found.length
      ? found.slice(0, 3).map(([level, n]) => html`<span key=${level}><span class="unseen">${t(`level.${level}`)}</span><${Shape} level=${level} size=${14} digit=${false} />${n}</span>`)
      : html`<span class="calm">${t("rail.normal")}</span>`}</span>
    <span class="m clip">${named(row.firm) || t("rail.no_firm")}</span>
    <span class="m far">${row.devices ? t("rail.devices", { n: row.devices }) : ""}</span>
  </button></li>`;
}

export function Search({ id }) {
  return html`<label class="search"><span class="unseen">${t("rail.search")}</span>
    <input id=${id} type="search" value=${route().query} placeholder=${t("rail.search")} maxlength="80"
      onInput=${(event) => go({ query: event.target.value })} /><kbd aria-hidden="true">/</kbd></label>`;
}

export const Rail = memo(({ counts }) => {
  const rows = railRows(counts);
  const { compound } = route();
  return html`<aside class="rail panel" aria-label=${t("rail.label")}>
    <div class="hd"><h2>${t("rail.title")}</h2><span class="sub">${t("rail.order")}</span></div>
    <${Search} id="search" />
    <ul class="compounds">${rows.map((row) => html`<${Compound} key=${row.id} row=${row} on=${row.id === compound} />`)}</ul>
  </aside>`;
});
