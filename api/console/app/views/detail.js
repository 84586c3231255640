// The pane beside the list: what it is, where, who answers, what can be done, and the evidence behind it.
import { html, lazy, useEffect, useState } from "../html.js";
import { acknowledge, allowed, unshelve } from "../actions.js";
import * as api from "../api.js";
import { ApiError } from "../api.js";
import { has, language, named, t } from "../i18n.js";
import { adopt } from "../order.js";
import { ask, hand, placeOf, state, titleOf } from "../store.js";
import { theme } from "../theme.js";
import { iso, parse, span, stamp } from "../time.js";
import { levelLong, Shape } from "../ui/badge.js";
import { Timer } from "../ui/timer.js";
import { closedKey, tagsOf, valueText } from "./row.js";

const Chart = lazy(
  () => import("../ui/chart.js").then((module) => module.Chart),
  () => html`<p class="calm plot-empty">${t("evidence.loading")}</p>`,
);

const Reasons = lazy(
  () => import("./reasons.js").then((module) => module.Reasons),
  () => html`<p class="calm plot-empty">${t("evidence.loading")}</p>`,
);

const SPANS = ["30m", "6h", "7d"];
const SETTLE_MS = 140;
const CURVE_EVERY_MS = 15_000;

/** Fetches again when `keys` change, not before the selection has come to rest; keeps the last answer meanwhile. */
function useFetched(fetcher, keys, everyMs = 0) {
  const [got, set] = useState({ key: "", data: null, failed: null });
  const key = keys.join("|");
  useEffect(() => {
    if (!keys[0]) return undefined;
    let live = true;
    let timer = 0;
    const ask_ = async () => {
      try {
        const data = await fetcher();
        if (live) set({ key, data, failed: null });
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (live) set((old) => ({ key, data: old.key.split("|")[0] === keys[0] ? old.data : null, failed: error }));
      }
      if (live && everyMs) timer = setTimeout(ask_, everyMs);
    };
    timer = setTimeout(ask_, SETTLE_MS);
    return () => {
      live = false;
      clearTimeout(timer);
    };
  }, [key]);
  // Another alert's answer is never drawn under this one's name; an older answer about the same alert is.
  const same = got.key.split("|")[0] === String(keys[0]);
  return same ? got : { key: "", data: null, failed: null };
}

function Evidence({ alert }) {
  const [range, setRange] = useState(SPANS[0]);
  const got = useFetched(() => api.series(alert.id, range), [alert.id, range], range === "30m" ? CURVE_EVERY_MS : 0);
  const series = got.data;
  const main = series && (series.signal in series.v ? series.signal : Object.keys(series.v)[0]);
  const label = series?.signals?.[main];
  const known = main && series.v[main].some((value) => value !== null);
  return html`<section class="blk"><h3>${t("evidence.title")}
    <span class="spans" role="group" aria-label=${t("evidence.span")}>${SPANS.map((name) => html`<button type="button" key=${name} aria-pressed=${range === name}
      onClick=${() => setRange(name)}>${t(`span.${name}`)}</button>`)}</span></h3>
    ${known
      ? html`<${Chart} times=${series.t} values=${series.v[main]} from=${parse(series.from)} until=${parse(series.until)} alert=${alert} name=${named(label?.name) || main} unit=${label?.unit ?? ""} themeName=${theme()} />`
      : html`<p class="calm plot-empty">${got.failed ? t("evidence.failed") : series ? t("evidence.none") : t("evidence.loading")}</p>`}
  </section>`;
}

const steps = (card) => {
  const list = Array.isArray(card.steps) ? card.steps : card.steps?.[language()] ?? card.steps?.zh ?? [];
  return list.map((step) => named(step.text ?? step));
};

function Card({ card }) {
  if (!card) return null;
  return html`<section class="blk"><h3>${t("card.title", { name: named(card.title) })}${card.edition && html`<span>${t("card.edition", { n: card.edition })}</span>`}</h3>
    <ol class="steps">${steps(card).map((text, i) => html`<li key=${i}><span class="b" aria-hidden="true">${i + 1}</span><span>${text}</span></li>`)}</ol></section>`;
}

/** A reason is a code of the console's own forms, or somebody's words. */
const reasonText = (text) => {
  const known = ["shelve.reason", "suppressed.why"].map((group) => `${group}.${text}`).find(has);
  return known ? t(known) : text;
};

function Suppressed({ list }) {
  if (!list?.length) return null;
  return html`<section class="blk"><h3>${t("suppressed.title")}</h3><ul class="plain">${list.map((one) => html`<li key=${one.by}>
    <b>${t(`suppressed.${one.by}`)}</b> ${reasonText(one.reason)}${one.actor ? `·${one.actor}` : ""}${one.second ? `·${one.second}` : ""}${one.until
      ? `·${t("row.until", { at: stamp(parse(one.until)) })}` : ""}</li>`)}</ul></section>`;
}

function Actions({ alert }) {
  const can = allowed(alert);
  const may = state.session?.user?.may_act !== false;
  if (!may) return html`<p class="calm">${t("act.may_not")}</p>`;
  const button = (key, text, run, primary = false) => html`<button type="button" key=${text} class=${`btn ${primary ? "primary" : ""}`} aria-keyshortcuts=${key}
    onClick=${() => hand.hasty || run()}>${text}<kbd aria-hidden="true">${key}</kbd></button>`;
  return html`<div class="acts">
    ${can.ack && button("A", t("act.ack"), () => acknowledge(alert.id), true)}
    ${can.shelve && button("S", t("act.shelve"), () => ask("shelve", alert.id))}
    ${can.unshelve && button("S", t("act.unshelve"), () => unshelve(alert.id))}
    ${can.resolve && button("F", t(alert.section === "returned" ? "act.close" : "act.refute"), () => ask("resolve", alert.id), alert.section === "returned" && !can.ack)}
    ${can.note && button("C", t("act.note"), () => ask("note", alert.id))}
  </div>
  ${alert.level === 1 && alert.section === "unacked" && html`<p class="calm small">${t("toast.no_shelve_1")}</p>`}`;
}

function standing(alert) {
  const word = alert.gone || alert.state === "closed" ? t("row.gone") : t(`section.${alert.section}`);
  return (at) => (alert.section === "unacked" ? `${word} ${span(at - alert.raisedMs)}` : word);
}

function Head({ alert, onBack }) {
  const hot = alert.section === "unacked" && !alert.gone;
  const firm = state.organisations?.get(alert.firm?.id);
  const slow = alert.deviceMs !== null && Math.abs(alert.raisedMs - alert.deviceMs) > 5_000;
  const value = valueText(alert);
  return html`<div class="dt">
    <div class="over"><span class=${`lv l${alert.level}`}><${Shape} level=${alert.level} size=${22} hollow=${!hot} tick=${alert.section === "returned"} />${levelLong(alert.level)}</span>
      <span><${Timer} write=${standing(alert)} /></span><span class="id">${alert.no}</span>
      <button type="button" class="btn drawer-close" onClick=${onBack}>${t("close")}</button></div>
    <h2 class="subject" tabindex="-1">${titleOf(alert)}${value && html` <span class="measure">${value}</span>`}</h2>
    <p>${placeOf(alert)}</p>
    <p class="calm">${named(alert.firm?.name ?? alert.firm) || t("rail.no_firm")}${firm?.phone && html` <span class="phone">${firm.phone}</span>`}</p>
    <p class="calm">${t("col.since")} <time dateTime=${iso(alert.raisedMs)}>${stamp(alert.raisedMs)}</time>
      ${slow && html` <span>${t("detail.clock", { left: span(Math.abs(alert.raisedMs - alert.deviceMs)) })}</span>`}
      ${tagsOf(alert).map((tag) => html` <span class="tag" key=${tag}>${tag}</span>`)}</p>
    ${alert.acked_by && html`<p class="calm">${t("detail.acked", { who: alert.acked_by, at: stamp(alert.ackedMs) })}</p>`}
    ${alert.gone || alert.state === "closed"
      ? html`<p class="calm">${t("detail.closed", { why: t(closedKey(alert.close_reason ?? alert.gone)) })}</p>`
      : html`<${Actions} alert=${alert} />`}
  </div>`;
}

export function Detail({ alert: live, id, onBack }) {
  const wanted = live?.id ?? (id.startsWith("group:") ? "" : id);
  const got = useFetched(() => api.explain(wanted), [wanted, live?.rev ?? "", live?.notes ?? ""]);
  const why = got.data;
  const alert = live ?? (why ? adopt(why.alert) : null);
  if (!alert) {
    const text = !wanted ? t("detail.empty") : got.failed ? t("detail.failed") : t("evidence.loading");
    return html`<section class="detail panel" aria-label=${t("detail.label")}><div class="empty"><p>${text}</p></div></section>`;
  }
  return html`<section class="detail panel" aria-label=${t("detail.label")} data-detail=${alert.id}>
    <${Head} alert=${alert} onBack=${onBack} />
    <div class="detail-body" tabindex="0" role="group" aria-label=${t("detail.body")}>
      <${Evidence} key=${alert.id} alert=${alert} />
      ${why && html`<${Reasons} why=${why} between=${html`<${Card} card=${why.card} /><${Suppressed} list=${why.suppression.now} />`} />`}
    </div>
  </section>`;
}

