// The whole active set in memory, and what is drawn from it. One store; views are functions of it.
import { named } from "./i18n.js";
import { adopt, admits, arrange, facets, tally } from "./order.js";
import { Hand } from "./hand.js";
import { go, onRoute, route } from "./router.js";

const GONE_KEPT_MAX = 200;
const QUEUE_MAX = 5_000;

/** @type {any} */
export const state = {
  phase: "starting", // starting · login · loading · ready
  session: null,
  version: "",
  store: "",
  seq: -1,
  health: {},
  shift: null,
  places: [],
  rules: new Map(),
  kinds: new Map(),
  organisations: new Map(),
  link: { status: "connecting", attempts: 0, lastMs: null, heardMs: 0 },
  loadFailed: null,
  expanded: new Set(),
  checked: new Set(),
  flash: new Set(),
  unrolled: false, // the operator has opened the flood's collapsed rows
  dialog: null,
  catching: true, // batches wait until the board they build on has come
};

const truth = new Map(); // as the server told it
const shown = new Map(); // truth with what the operator has just done laid over it
const overlays = new Map(); // alert id → {cmd, patch, at}
const gone = new Map(); // closed while the operator's hand was in the list: drawn greyed in their place

export const hand = new Hand(() => touch(true));

// --- telling the views ---------------------------------------------------------------------------------------------
const listeners = new Set();
let scheduled = false;
let structural = true;

/** Asks for a new drawing in the next frame. `structure`: the order or the counts may have changed. */
export function touch(structure = false) {
  structural ||= structure;
  if (scheduled) return;
  scheduled = true;
  const draw = () => {
    scheduled = false;
    for (const fn of listeners) fn();
  };
  // No frames come to a hidden tab, but its title and its sound must stay true.
  if (document.hidden) setTimeout(draw, 200);
  else requestAnimationFrame(draw);
}

export function subscribe(fn) {
  listeners.add(fn);
  return () => listeners.delete(fn);
}

/** Opens a dialog: `shelve`, `resolve` or `note` about an alert, or `help`. */
export function ask(kind, id) {
  state.dialog = { kind, id };
  touch();
}

// --- reading -------------------------------------------------------------------------------------------------------
export const alertOf = (id) => shown.get(id) ?? gone.get(id);
export const allAlerts = () => shown.values();
export const pendingOf = (id) => overlays.get(id);
export const truthOf = (id) => truth.get(id);

/** Title of an alert: written by its rule, never by the console. */
export function titleOf(alert) {
  return named(alert.title) || named(state.rules.get(alert.rule?.code)?.title) || alert.rule?.code || alert.kind;
}

const bare = (text) => text.replaceAll(/[\s·]/g, "").toLowerCase();

/** Compound and place in one line, with the device where its name says more than the place does. */
export function placeOf(alert) {
  const place = alert.place ?? {};
  const names = [place.building, place.unit, place.floor].map(named).filter(Boolean);
  const own = named(place.text) || names.join("·");
  const device = named(alert.device?.name);
  let where = [own, device];
  // Devices and zones are often named by their place in full: said once is enough.
  if (bare(device).startsWith(bare(names.join("") || own))) where = [device || own];
  else if (bare(own).endsWith(bare(device))) where = [own];
  return [named(alert.compound?.name), ...where].filter(Boolean).join("·");
}

function searched(alert) {
  const words = route().query.trim().toLowerCase();
  const compound = state.places.find((place) => place.id === alert.compound.id);
  const hay = [
    titleOf(alert), placeOf(alert), alert.no, alert.compound.id, alert.device?.id, named(alert.device?.name),
    alert.rule?.code, named(alert.firm?.name), compound?.initials,
  ];
  return hay.filter(Boolean).join("\n").toLowerCase().includes(words);
}

/** The list as it would be by the rule alone. */
function wanted() {
  const view = route();
  const admitted = [];
  for (const alert of shown.values()) if (admits(alert, view, searched)) admitted.push(alert);
  return arrange(admitted, { flood: Boolean(state.health.flood) && !state.unrolled, expanded: state.expanded });
}

let drawn = { items: [], pinned: [], held: [], counts: { ...tally([]), ...facets([], route(), () => true) } };

/** The list and the counts to draw now; worked out again only when order or counts may have changed. */
export function board() {
  if (structural) {
    structural = false;
    const lists = hand.settle(wanted(), { alertOf, lane: route().lane });
    drawn = { ...lists, counts: { ...tally(shown.values()), ...facets(shown.values(), route(), searched) } };
    if (!hand.busy) gone.clear();
  }
  return drawn;
}

// --- changes from the server ---------------------------------------------------------------------------------------
function show(id) {
  const alert = truth.get(id);
  const overlay = overlays.get(id);
  if (alert) shown.set(id, overlay ? adopt({ ...alert, ...overlay.patch, pending: overlay.cmd }) : alert);
  else shown.delete(id);
}

const newcomers = new Set();

/** Watchers of new or graver alerts: sound and announcements. Called with the alerts of one batch. */
export function onNews(fn) {
  newcomers.add(fn);
  return () => newcomers.delete(fn);
}

export function put(wire) {
  const before = truth.get(wire.id);
  if (before && before.rev > wire.rev) return null;
  const alert = adopt(wire);
  truth.set(wire.id, alert);
  if (overlays.has(wire.id) && wire.rev > overlays.get(wire.id).rev) overlays.delete(wire.id);
  show(wire.id);
  const rang = before && before.section === "unacked" && before.level <= alert.level;
  return alert.section === "unacked" && !rang ? alert : null;
}

function patch(change) {
  const before = truth.get(change.id);
  if (!before) return null;
  if (change.live) {
    truth.set(change.id, { ...before, ...change.p });
    show(change.id);
    return null;
  }
  if (change.cmd && overlays.get(change.id)?.cmd === change.cmd) overlays.delete(change.id);
  if (change.rev <= before.rev) {
    show(change.id);
    return null;
  }
  return put({ ...before, ...change.p, rev: change.rev });
}

function remove(id, why) {
  const alert = shown.get(id) ?? truth.get(id);
  truth.delete(id);
  overlays.delete(id);
  shown.delete(id);
  state.checked.delete(id);
  state.lastGone = Date.now();
  if (alert && hand.busy && gone.size < GONE_KEPT_MAX) gone.set(id, { ...alert, gone: why || "closed" });
}

function applyChange(change) {
  if (change.t === "alert.raised") return put(change.a);
  if (change.t === "alert.set") return patch(change);
  if (change.t === "alert.gone") remove(change.id, change.why);
  return null;
}

/**
 * A full board: replaces what is known, by id, so that selection and scroll stay. False: something is missing between
 * the board and the batches that came meanwhile.
 */
export function adoptBoard(body) {
  const first = state.store !== body.store;
  const ids = new Set(body.alerts.map((alert) => alert.id));
  for (const id of [...truth.keys()]) if (!ids.has(id)) remove(id, "closed");
  if (first) for (const map of [truth, shown, overlays]) map.clear();
  const news = body.alerts.map((wire) => put(wire)).filter(Boolean);
  state.store = body.store;
  state.seq = body.seq;
  state.health = body.health ?? {};
  state.shift = body.shift ?? null;
  state.catching = false;
  if (!first) for (const fn of newcomers) fn(news);
  touch(true);
  return queue.splice(0).every((batch) => applyBatch(batch));
}

const queue = [];

/** Applies a batch. False: something is missing between this page and the batch, the board must be fetched anew. */
export function applyBatch(batch) {
  if (state.catching) {
    if (queue.length < QUEUE_MAX) queue.push(batch);
    return true;
  }
  if (typeof batch.from === "number" && batch.from > state.seq) return false;
  const news = [];
  let moved = false;
  for (const change of batch.c) {
    if (!change.live && change.s <= state.seq) continue;
    const raised = applyChange(change);
    if (raised) news.push(raised);
    moved ||= !change.live;
  }
  state.seq = Math.max(state.seq, batch.at ?? -1, ...batch.c.filter((c) => !c.live).map((c) => c.s));
  if (news.length) {
    for (const alert of news) state.flash.add(alert.id);
    for (const fn of newcomers) fn(news);
  }
  touch(moved);
  return true;
}

// --- what the operator did, before the server has answered -----------------------------------------------------------
export function overlay(id, cmd, change) {
  overlays.set(id, { cmd, patch: change, at: performance.now(), rev: truth.get(id)?.rev ?? 0 });
  show(id);
  touch(true);
}

export function dropOverlay(id, cmd) {
  if (overlays.get(id)?.cmd !== cmd) return;
  overlays.delete(id);
  show(id);
  touch(true);
}

/** The alert as a command or a conflict has returned it. */
export function correct(wire, cmd) {
  if (overlays.get(wire.id)?.cmd === cmd) overlays.delete(wire.id);
  if (wire.state === "closed") remove(wire.id, "closed");
  else put(wire);
  show(wire.id);
  touch(true);
}

export function forget() {
  for (const map of [truth, shown, overlays, gone]) map.clear();
  queue.length = 0;
  state.catching = true;
  state.store = "";
  state.seq = -1;
  hand.release();
  touch(true);
}

const filters = ({ selected, ...rest }) => JSON.stringify(rest);
const lists = ({ selected, query, ...rest }) => JSON.stringify(rest);
let chosen = filters(route());
let listed = lists(route());

// Another filter is another list. Another selection is not: the rows stay where they are, also those sent away.
onRoute((view) => {
  const other = filters(view) !== chosen;
  chosen = filters(view);
  if (other) {
    hand.reorder();
    // What is not on the new list is not under the cursor either. A search is only a look: the cursor stays.
    const under = lists(view) === listed ? null : shown.get(view.selected);
    listed = lists(view);
    if (under && !admits(under, view, searched)) setTimeout(() => go({ selected: "" }));
  }
  touch(other);
});
