// What the board shows and in which order: pure functions over alerts, so that a test can hold them to the rule.
import { parse } from "./time.js";

export const ROW_PX = 57;
export const SECTION_PX = 31;
export const SECTIONS = ["unacked", "acked", "returned", "shelved"];
const COLLAPSED_FROM = 3;

/** Which of the four lists an alert belongs to. Shelving wins over the state: it is on no other list. */
export function sectionOf(alert) {
  if (alert.shelved_until) return "shelved";
  if (alert.state === "unacked") return "unacked";
  return alert.state === "acked" ? "acked" : "returned";
}

/** The wire form with its instants parsed once and its section worked out. */
export function adopt(wire) {
  const section = sectionOf(wire);
  return {
    ...wire,
    raisedMs: parse(wire.raised_at),
    deviceMs: parse(wire.device_at),
    dueMs: parse(wire.due_at),
    dueFromMs: parse(wire.due_from) ?? parse(wire.raised_at),
    ackedMs: parse(wire.acked_at),
    clearedMs: parse(wire.cleared_at),
    shelvedMs: parse(wire.shelved_until),
    section,
    group: `${section}|${wire.compound.id}|${wire.kind}`,
    rank: SECTIONS.indexOf(section) * 100 + wire.level * 10 + (wire.domain === "fire" ? 0 : 1),
  };
}

/** Is it still to be acknowledged by somebody, and may it ring? */
export const rings = (alert) => alert.section === "unacked" && !(alert.suppressed?.length > 0);

/** 待确认 first, then level, then fire before others, then longest waiting. The id decides what is left. */
export function compare(a, b) {
  return a.rank - b.rank || a.raisedMs - b.raisedMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

const inLane = { active: ["unacked", "acked", "returned"], returned: ["returned"], shelved: ["shelved"] };

/** May this alert be on the list under the filters in the address? `match` tests the search text. */
export function admits(alert, view, match) {
  return (
    inLane[view.lane].includes(alert.section) &&
    (view.levels.length === 0 || view.levels.includes(alert.level)) &&
    (view.domain === "" || alert.domain === view.domain) &&
    (view.compound === "" || alert.compound.id === view.compound) &&
    (view.query === "" || match(alert))
  );
}

/** Does another alert ring in its place, for the same event? */
const superseded = (alert) => alert.suppressed?.some((one) => one.by === "superseded");

/**
 * Symptoms go under their cause, unless their cause is not on the list or they are of the first level; those of the
 * first level only when it is the cause that rings for them.
 */
function families(alerts) {
  if (!alerts.some((alert) => alert.cause_id)) return { heads: alerts, children: new Map() };
  const present = new Map(alerts.map((alert) => [alert.id, alert]));
  const children = new Map();
  const heads = [];
  for (const alert of alerts) {
    const cause = alert.cause_id && present.get(alert.cause_id);
    if (cause && cause !== alert && !cause.cause_id && (alert.level > 1 || superseded(alert))) {
      if (!children.has(cause.id)) children.set(cause.id, []);
      children.get(cause.id).push(alert);
    } else heads.push(alert);
  }
  return { heads, children };
}

/** In a flood, levels 3 and 4 of one compound and kind become one row; the graver ones never do. */
function collapse(heads) {
  const groups = new Map();
  for (const alert of heads) {
    if (alert.level < COLLAPSED_FROM) continue;
    const members = groups.get(alert.group);
    if (members) members.push(alert);
    else groups.set(alert.group, [alert]);
  }
  return groups;
}

/**
 * The list as items: `{type: "section"|"row"|"group", key, …}` in the order of the rule.
 * @param {object[]} alerts admitted alerts @param {{flood: boolean, expanded: Set<string>}} how
 */
export function arrange(alerts, { flood, expanded }) {
  const sorted = [...alerts].sort(compare);
  const { heads, children } = families(sorted);
  const groups = flood ? collapse(heads) : new Map();
  const totals = {};
  for (const alert of sorted) totals[alert.section] = (totals[alert.section] ?? 0) + 1;
  const items = [];
  const done = new Set();
  let section = "";
  for (const alert of heads) {
    if (alert.section !== section) {
      section = alert.section;
      items.push({ type: "section", key: `section:${section}`, section, total: totals[section], px: SECTION_PX });
    }
    const key = alert.group;
    const members = flood && alert.level >= COLLAPSED_FROM ? groups.get(key) : undefined;
    if (members && members.length > 1) {
      if (!done.has(key)) {
        done.add(key);
        const ids = members.map((member) => member.id);
        items.push({ type: "group", key: `group:${key}`, section, id: alert.id, ids, px: ROW_PX });
        if (expanded.has(`group:${key}`)) for (const id of ids) items.push(row(id, section, [], true));
      }
      continue;
    }
    const kin = children.get(alert.id) ?? NOBODY;
    items.push(row(alert.id, section, kin.length ? kin.map((child) => child.id) : NOBODY, false));
    if (expanded.has(alert.id)) for (const child of kin) items.push(row(child.id, section, [], true));
  }
  return items;
}

const NOBODY = [];
const row = (id, section, kin, child) => ({ type: "row", key: id, id, section, kin, child, px: ROW_PX });

const fresh = () => ({ n: 0, unacked: 0 });

/** Every count that the strip and the rail print, of the whole shift and in one pass. Shelved alerts count in their lane only. */
export function tally(alerts) {
  const total = { active: 0, unacked: 0, returned: 0, shelved: 0 };
  const levels = { 1: fresh(), 2: fresh(), 3: fresh(), 4: fresh() };
  const compounds = new Map();
  let oldest = null;
  let worst = 0;
  for (const alert of alerts) {
    if (alert.section === "shelved") {
      total.shelved += 1;
      continue;
    }
    total.active += 1;
    levels[alert.level].n += 1;
    if (alert.section === "returned") total.returned += 1;
    if (alert.section === "unacked") {
      total.unacked += 1;
      levels[alert.level].unacked += 1;
      if (oldest === null || alert.raisedMs < oldest) oldest = alert.raisedMs;
      if (worst === 0 || alert.level < worst) worst = alert.level;
    }
    const { id } = alert.compound;
    if (!compounds.has(id)) compounds.set(id, { id, counts: [0, 0, 0, 0], unacked: 0 });
    const compound = compounds.get(id);
    compound.counts[alert.level - 1] += 1;
    if (alert.section === "unacked") compound.unacked += 1;
  }
  return { total, levels, compounds, oldest, worst };
}

/** How many alerts a click on each tab and lane would show, with all the other filters as they are. */
export function facets(alerts, view, match) {
  const domains = {};
  const lanes = { active: 0, returned: 0, shelved: 0 };
  for (const alert of alerts) {
    if (admits(alert, { ...view, domain: "" }, match)) domains[alert.domain] = (domains[alert.domain] ?? 0) + 1;
    for (const lane of Object.keys(lanes)) if (admits(alert, { ...view, lane }, match)) lanes[lane] += 1;
  }
  return { domains, lanes };
}

const collator = new Intl.Collator("zh-CN");

/** Compounds by their worst level, then by how many alerts they have at it, then by name. */
export function ranked(places, compounds, nameOf) {
  const rows = places.map((place) => ({ ...place, ...compounds.get(place.id), name: place.name, id: place.id }));
  for (const [id, found] of compounds) if (!places.some((place) => place.id === id)) rows.push({ name: id, ...found });
  const weight = (r) => (r.counts ?? [0, 0, 0, 0]).reduce((sum, n, i) => sum + Math.min(n, 999) * 1000 ** (3 - i), 0);
  return rows
    .map((r) => ({ r, w: weight(r) }))
    .sort((a, b) => b.w - a.w || collator.compare(nameOf(a.r.name), nameOf(b.r.name)))
    .map(({ r }) => r);
}
