// The list of alerts: head with tabs and lanes, the pinned block, and the rest, of which only what is seen exists.
import { html, useRef } from "../html.js";
import { language, named, t } from "../i18n.js";
import { filtered, go, NO_FILTER, route } from "../router.js";
import { alertOf, hand, state, titleOf } from "../store.js";
import { ROW_PX } from "../order.js";
import { stamp } from "../time.js";
import { Shape } from "../ui/badge.js";
import { VList } from "../ui/vlist.js";
import { Search } from "./rail.js";
import { Row } from "./row.js";

const DOMAINS = ["elevator", "fire", "ebike", "gateway"];
const EDGE_PX = 4;

function Tabs({ counts }) {
  const view = route();
  const tab = (key, text, n) => html`<button type="button" key=${key} aria-pressed=${view.domain === key && (key !== "" || view.lane === "active")}
    onClick=${() => go(key === "" ? { domain: "", lane: "active" } : { domain: key })}>${text}${n === undefined ? "" : ` ${n}`}</button>`;
  return html`<div class="tabs" role="group" aria-label=${t("list.domains")}>
    ${tab("", t("list.all"))}
    ${DOMAINS.map((key) => tab(key, t(`domain.${key}`), counts.domains[key] ?? 0))}
  </div>`;
}

function Lanes({ counts }) {
  const { lane } = route();
  const button = (key, n) => html`<button type="button" key=${key} class="lane" data-lane=${key} aria-pressed=${lane === key}
    onClick=${() => go({ lane: lane === key ? "active" : key })}>${t(`lane.${key}`)} <b>${n}</b></button>`;
  return html`<div class="tools">${button("shelved", counts.lanes.shelved)}${button("returned", counts.lanes.returned)}</div>`;
}

/** On narrow screens the rail folds to these two. */
function Folded() {
  const { compound } = route();
  return html`<div class="folded"><label><span class="unseen">${t("rail.title")}</span>
    <select value=${compound} onChange=${(event) => go({ compound: event.target.value })}><option value="">${t("rail.all")}</option>
      ${state.places.map((place) => html`<option key=${place.id} value=${place.id} selected=${place.id === compound}>${named(place.name)}</option>`)}</select></label>
    <${Search} id="search-folded" /></div>`;
}

/** The pill that says what waits while the operator's hand is in the list. */
function Held({ held, onNews }) {
  if (!held.length) return null;
  const worst = Math.min(...held.map((alert) => alert.level));
  return html`<button type="button" class="held" onClick=${onNews}><${Shape} level=${worst} size=${13} digit=${false} />
    ${t("list.held", { n: held.length, level: t(`level.${worst}`) })}<kbd aria-hidden="true">N</kbd></button>`;
}

function Chips() {
  const view = route();
  const compound = state.places.find((place) => place.id === view.compound);
  const chips = [
    ...view.levels.map((n) => [t(`level.${n}`), { levels: view.levels.filter((m) => m !== n) }]),
    view.domain && [t(`domain.${view.domain}`), { domain: "" }],
    view.compound && [named(compound?.name) || view.compound, { compound: "" }],
    view.query && [t("list.search_chip", { text: view.query }), { query: "" }],
  ].filter(Boolean);
  return html`<div class="chips">${chips.map(([text, change]) => html`<button type="button" key=${text} onClick=${() => go(change)}
    aria-label=${t("list.drop_filter", { text })}>${text} <span aria-hidden="true">×</span></button>`)}
    <button type="button" class="btn" onClick=${() => go(NO_FILTER)}>${t("list.clear")}</button></div>`;
}

function Empty() {
  const view = route();
  if (filtered(view)) {
    return html`<div class="empty" role="status"><p class="big">${t("empty.filtered")}</p><${Chips} /></div>`;
  }
  if (view.lane !== "active") {
    return html`<div class="empty" role="status"><p class="big">${t(`empty.${view.lane}`)}</p>
      <button type="button" class="btn" onClick=${() => go({ lane: "active" })}>${t("list.back")}</button></div>`;
  }
  const { health, link } = state;
  return html`<div class="empty" role="status"><p class="big">${t("empty.none")}</p>
    <p>${t("empty.alive", { online: health.online ?? 0, at: stamp(health.last_data_at ? Date.parse(health.last_data_at) : link.lastMs) })}</p></div>`;
}

function Section({ item, index }) {
  return html`<div role="row" class="sec" aria-rowindex=${index}><span role="gridcell" aria-colspan="6">${t(`section.${item.section}`)}
    <i>${t("list.count", { n: item.total })}</i></span></div>`;
}

function Group({ item, index, selected, act }) {
  const alert = alertOf(item.id);
  const members = item.ids.map(alertOf).filter(Boolean);
  const open = state.expanded.has(item.key);
  const level = Math.min(...members.map((member) => member.level), 4);
  const titles = [...new Set(members.map(titleOf))].join(t("list.and"));
  return html`<div role="row" class=${`r g v${level} group ${item.section === "unacked" ? "new" : ""} ${selected ? "sel" : ""}`} aria-rowindex=${index}
    aria-expanded=${open} aria-selected=${selected} tabindex=${selected ? 0 : -1} data-id=${item.key} data-group=${item.key} onClick=${() => act("toggle", item.key)}>
    <span role="gridcell" class=${`lv l${level}`}><${Shape} level=${level} size=${22} hollow=${item.section !== "unacked"} />${t(`level.${level}`)}</span>
    <span role="gridcell" class="what"><span class="e1"><span class="clip">${named(alert?.compound?.name)}</span><span class="tag">${t("list.group", { n: members.length })}</span></span>
      <span class="e2 clip">${titles}</span></span>
    <span role="gridcell" class="wide">${open ? t("list.fold") : t("list.unfold")}</span></div>`;
}

export function List({ lists, counts, handle, act, news }) {
  const { items, pinned, held } = lists;
  const view = route();
  const pinnedBox = useRef(null);
  const stalled = state.link.status === "stalled";
  const lang = language();
  const grid = items.length + pinned.length + 1;
  const row = (item, index) => {
    const alert = alertOf(item.id);
    if (!alert) return null;
    return html`<${Row} key=${item.key} alert=${alert} index=${index} selected=${view.selected === alert.id} checked=${state.checked.has(alert.id)}
      fresh=${state.flash.has(alert.id)} kin=${item.kin.length} open=${state.expanded.has(alert.id)} child=${item.child} lang=${lang}
      stalled=${stalled} act=${act} />`;
  };
  const draw = (item, i) => {
    const index = pinned.length + i + 2;
    if (item.type === "section") return html`<${Section} item=${item} index=${index} />`;
    if (item.type === "group") return html`<${Group} item=${item} index=${index} selected=${view.selected === item.key} act=${act} />`;
    return row(item, index);
  };
  const scene = [view.lane, view.domain, view.compound, view.query, view.levels.join("")].join("|");
  const busy = (change) => hand.move(change);
  const waiting = view.lane === "active" && (counts.total.unacked > 0 || held.length > 0);
  const sticky = (item, top) => {
    if (!item || top < EDGE_PX || (item.section === "unacked" && waiting)) return null;
    return html`<div class="sec" aria-hidden="true">${t(`section.${item.section}`)}</div>`;
  };
  return html`<section class="list panel" aria-label=${t("list.title")}>
    <div class="hd"><h1>${t(view.lane === "active" ? "list.title" : `lane.${view.lane}`)}</h1>
      <span class="sub">${t("list.count", { n: counts.lanes[view.lane] })}</span>
      <${Tabs} counts=${counts} /><${Lanes} counts=${counts} /></div>
    <${Folded} />
    ${filtered(view) && items.length + pinned.length > 0 && html`<${Chips} />`}
    <div role="grid" class="grid" aria-label=${t("list.title")} aria-rowcount=${grid} aria-multiselectable="true"
      onPointerMove=${() => busy({ inside: true })} onPointerLeave=${() => hand.leave()}
      onFocusIn=${() => busy({ keys: true })}>
      <div role="row" class="g th" aria-rowindex="1">${["level", "what", "evidence", "owner", "due", "since"].map((name) =>
        html`<span role="columnheader" key=${name} class=${`th-${name}`}>${t(name === "due" && view.lane === "shelved" ? "col.returns" : `col.${name}`)}</span>`)}</div>
      ${waiting && html`<div class="sec first" role="row"><span role="gridcell" aria-colspan="6">${t("section.unacked")} <i>${t("list.waiting", { n: counts.total.unacked })}</i>
        <${Held} held=${held} onNews=${news} /></span></div>`}
      <div class="pinned" role="presentation" ref=${pinnedBox}>${pinned.map((item, i) => row(item, i + 2))}</div>
      ${items.length + pinned.length === 0 && html`<${Empty} />`}
      <${VList} items=${items} draw=${draw} handle=${handle} lift=${pinned.length * ROW_PX} steady=${hand.busy} scene=${scene} role="presentation" sticky=${sticky}
        onScroll=${(top) => { if (top > EDGE_PX) busy({ scrolled: true }); else hand.scrolled = false; }} />
    </div>
  </section>`;
}
