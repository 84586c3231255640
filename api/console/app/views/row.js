// One alert as a row: level, what and where, evidence, who has it, time left, since when.
import { Component, html } from "../html.js";
import { has, measured, named, t } from "../i18n.js";
import { placeOf, state, titleOf } from "../store.js";
import { clock, hourMinute, iso, now, roundSpan, span, stamp } from "../time.js";
import { levelLong, levelName, Shape } from "../ui/badge.js";
import { Spark } from "../ui/spark.js";
import { Timer } from "../ui/timer.js";

const TAGS = ["drill", "chatter", "flapping", "stale", "late", "simulated", "unverified", "backfill"];

/** `31.2 ℃`, or nothing where the alert is about an event. */
export const valueText = (alert) =>
  alert.signal && typeof alert.value === "number" ? `${measured(alert.value)}${alert.unit ? ` ${alert.unit}` : ""}` : "";

export function limitText(alert) {
  if (typeof alert.limit !== "number") return "";
  return t(alert.dir === "low" ? "limit.low" : "limit.high", { n: measured(alert.limit) });
}

/** What stands under "evidence": the event's own words or the number, and beneath it the number or its limit. */
function evidenceOf(alert) {
  const { event, silent_s: silence } = alert.params ?? {};
  const value = valueText(alert);
  const name = named(state.kinds.get(alert.domain)?.events?.[event]);
  if (name) return [name, value];
  if (value) return [value, limitText(alert)];
  if (typeof silence === "number") return [t("row.silent", { left: span(silence * 1000) }), ""];
  return [alert.dup > 1 ? t("row.times", { n: alert.dup }) : "", ""];
}

/** Key of the sentence for why a record ended; codes we do not know read as plainly closed. */
export const closedKey = (why) => (has(`closed.${why}`) ? `closed.${why}` : "closed.closed");

const left = (alert) => (at) => {
  if (alert.section === "shelved") return span(alert.shelvedMs - at);
  if (alert.dueMs === null) return t("sla.none");
  return at > alert.dueMs ? t("sla.over", { left: span(at - alert.dueMs) }) : span(alert.dueMs - at);
};

const fill = (alert) => (element, at) => {
  const total = alert.dueMs - alert.dueFromMs;
  const share = alert.dueMs === null || alert.section === "shelved" ? 0 : Math.min(1, Math.max(0, (at - alert.dueFromMs) / total));
  const cell = element.closest(".sla");
  cell.classList.toggle("bad", alert.section !== "shelved" && alert.dueMs !== null && at > alert.dueMs);
  const bar = cell.querySelector("i");
  if (bar) bar.style.width = `${Math.round(share * 100)}%`;
};

export function tagsOf(alert) {
  const tags = (alert.flags ?? []).filter((flag) => TAGS.includes(flag)).map((flag) =>
    flag === "chatter" || flag === "flapping" ? t("flag.chatter", { n: alert.dup ?? "" }) : t(`flag.${flag}`),
  );
  for (const reason of alert.suppressed ?? []) if (reason.by !== "shelved") tags.push(t(`suppressed.${reason.by}`));
  return tags;
}

/** The row's name for those who hear it: level, what, where, state, time left. */
export function spoken(alert) {
  const at = now();
  const rest = alert.dueMs === null ? "" : at > alert.dueMs ? t("sla.over", { left: span(at - alert.dueMs) }) : t("sla.left", { left: span(alert.dueMs - at) });
  return [levelLong(alert.level), titleOf(alert), placeOf(alert), t(`section.${alert.section}`), rest].filter(Boolean).join(t("comma"));
}

/** What happens by itself if nobody acts: `14:40 升为一级`. */
function nextText(alert) {
  const { at, to } = alert.next_escalation ?? {};
  if (!at) return "";
  const [what, level] = String(to).split(":");
  return what === "severity" && level ? t("row.next", { at: hourMinute(Date.parse(at)), level: t(`level.${level}`) }) : "";
}

function Owner({ alert, act }) {
  if (alert.gone) return html`<span>${t("row.gone")}</span><small>${t(closedKey(alert.gone))}</small>`;
  if (alert.pending) return html`<span>${t("row.pending")}</span><small>${alert.acked_by ?? ""}</small>`;
  if (alert.section === "unacked" || alert.state === "rtn_unacked") {
    const note = alert.state === "rtn_unacked" ? t("row.returned", { at: alert.clearedMs ? clock(alert.clearedMs) : "" }) : nextText(alert) || named(alert.firm?.name);
    return html`<button type="button" class=${`btn ack ${alert.level === 1 ? "primary" : ""}`} tabindex="-1"
      onClick=${(event) => { event.stopPropagation(); act("ack", alert.id); }}>${t("act.ack_short")}</button><small>${note}</small>`;
  }
  if (alert.section === "shelved") return html`<span>${t("row.shelved")}</span><small>${t("row.until", { at: stamp(alert.shelvedMs) })}</small>`;
  const who = named(alert.owner) || alert.acked_by || "";
  return html`<span class="clip">${who}</span><small>${alert.section === "returned" ? t("row.returned", { at: alert.clearedMs ? clock(alert.clearedMs) : "" }) : alert.ackedMs ? t("row.acked_at", { at: stamp(alert.ackedMs) }) : ""}</small>`;
}

export class Row extends Component {
  shouldComponentUpdate(next) {
    const now_ = this.props;
    return ["alert", "selected", "checked", "fresh", "index", "kin", "open", "lang", "stalled", "child"].some(
      (key) => next[key] !== now_[key],
    );
  }

  render({ alert, selected, checked, fresh, index, kin, open, child, stalled, act }) {
    const hot = alert.section === "unacked" && !alert.gone;
    const tags = tagsOf(alert);
    const total = alert.dueMs === null ? "" : t("sla.of", { total: roundSpan(alert.dueMs - alert.dueFromMs) });
    const [said, beneath] = evidenceOf(alert);
    const classes = [
      "r", "g", `v${alert.level}`, hot && "new", hot && alert.level === 1 && "pin", selected && "sel", checked && "chk",
      fresh && "fresh", child && "child", alert.gone && "gone", alert.pending && "pending", stalled && "stale",
      alert.flags?.includes("drill") && "drill",
    ];
    return html`<div role="row" class=${classes.filter(Boolean).join(" ")} aria-rowindex=${index} aria-selected=${selected || checked}
      aria-label=${spoken(alert)} aria-expanded=${kin ? open : null} tabindex=${selected ? 0 : -1} data-id=${alert.id}
      data-level=${alert.level} data-state=${alert.state} data-section=${alert.section}
      onClick=${() => act("select", alert.id)} onDblClick=${() => act("open", alert.id)}>
      <span role="gridcell" class=${`lv l${alert.level}`}><${Shape} level=${alert.level} size=${22} hollow=${!hot} tick=${alert.section === "returned"} />${levelName(alert.level)}</span>
      <span role="gridcell" class="what"><span class="e1"><span class="clip">${titleOf(alert)}</span>${tags.map((tag) => html`<span class="tag" key=${tag}>${tag}</span>`)}${kin > 0 &&
        html`<button type="button" class="tag" tabindex="-1" onClick=${(event) => { event.stopPropagation(); act("toggle", alert.id); }}>${t("row.kin", { n: kin })}</button>`}</span>
        <span class="e2 clip">${placeOf(alert)}</span></span>
      <span role="gridcell" class="ev"><${Spark} trend=${alert.trend} limit=${alert.limit} /><span class="val clip"><b>${said}</b><small>${beneath}</small></span></span>
      <span role="gridcell" class="own"><${Owner} alert=${alert} act=${act} /></span>
      <span role="gridcell" class="sla"><span class="rest"><${Timer} write=${left(alert)} mark=${fill(alert)} />${" "}<small>${alert.section === "shelved" ? "" : total}</small></span>
        <span class="track"><i></i></span></span>
      <span role="gridcell" class="at"><time dateTime=${iso(alert.raisedMs)} title=${iso(alert.raisedMs)}>${stamp(alert.raisedMs)}</time><small><${Timer}
        write=${(at) => span(at - alert.raisedMs)} /></small></span>
    </div>`;
  }
}
