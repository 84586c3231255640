// The operator's board: strip, compounds, list, detail; and what each key does here.
import { html, lazy, useEffect, useLayoutEffect, useRef, useState } from "../html.js";
import { acknowledge, acknowledgeMany, allowed, unshelve } from "../actions.js";
import { grouped, language, t } from "../i18n.js";
import { listen } from "../keys.js";
import { begin } from "../link.js";
import { EVERYTHING, filtered, go, route } from "../router.js";
import { mute, sound, startShift } from "../sound.js";
import { alertOf, ask, board, hand, onNews, state, titleOf, placeOf, touch } from "../store.js";
import { toast } from "../ui/toast.js";
import { levelLong } from "../ui/badge.js";
import { Banners } from "./banners.js";
import { Detail } from "./detail.js";
import { dressTab, Header } from "./header.js";
import { List } from "./list.js";
import { Rail, stepCompound } from "./rail.js";
import { Strip, toggleLevel } from "./strip.js";

const FLASH_MS = 700;
const SLOW_MS = 5_000;
const SAY_EVERY_MS = 10_000;

const fetchDialogs = () => import("./dialogs.js").then((module) => module.Dialogs);
const Dialogs = lazy(fetchDialogs);
// Fetched while nobody waits for them, so that they open at once and also when the server cannot be reached.
// Should that fail, the first use tries again.
setTimeout(() => fetchDialogs().catch(() => {}), 3_000);

let drawn = { items: [], pinned: [], held: [] };
let handle = { current: null };
let focusWanted = false;

/** The rows as they are about to be drawn: a key may come before the frame that the last key asked for. */
const rows = () => {
  drawn = board();
  return [...drawn.pinned, ...drawn.items].filter((item) => item.type !== "section");
};
const keyOf = (item) => (item.type === "group" ? item.key : item.id);
const current = () => alertOf(route().selected);

function select(id, byKey) {
  if (byKey) {
    focusWanted = true;
    hand.move({ keys: true });
  }
  hand.cameTo = "";
  go({ selected: id });
  if (byKey) handle.current?.reveal(id);
}

function step(by, extend) {
  const list = rows();
  if (!list.length) return;
  const at = list.findIndex((item) => keyOf(item) === route().selected);
  const next = at < 0 ? 0 : Math.max(0, Math.min(list.length - 1, at + by));
  if (extend && at >= 0) {
    for (const item of [list[at], list[next]]) if (item.type === "row") state.checked.add(item.id);
  }
  select(keyOf(list[next]), true);
}

/** After a row has left by the operator's own hand, the next one is under the cursor. */
function onward(id) {
  const list = rows();
  const at = list.findIndex((item) => keyOf(item) === id);
  if (at < 0 || list.length < 2) return;
  const next = keyOf(list[at + 1] ?? list[at - 1]);
  go({ selected: next });
  hand.came(next);
}

/** The alert under the cursor, if the operator has chosen it; otherwise he is told what is there now. */
function chosen() {
  const alert = current();
  if (!alert || hand.chose(alert.id)) return alert;
  toast({ text: t("toast.another", { title: titleOf(alert), place: placeOf(alert) }) });
  return null;
}

hand.onDismiss = onward;

function confirm() {
  if (state.checked.size > 0) acknowledgeMany([...state.checked]);
  else {
    const alert = chosen();
    if (alert) acknowledge(alert.id);
  }
}

/** Shows what was held back, and goes to the gravest of it. */
export function showNews() {
  const worst = [...drawn.held].sort((a, b) => a.level - b.level)[0];
  hand.reorder();
  for (const alert of drawn.held) state.flash.add(alert.id);
  handle.current?.toTop();
  touch(true);
  if (worst) setTimeout(() => handle.current?.reveal(worst.id), 50);
}

function toggle(key, open) {
  if (open ?? !state.expanded.has(key)) state.expanded.add(key);
  else state.expanded.delete(key);
  hand.reorder();
  touch(true);
}

function act(name, id) {
  if (name === "select") select(id, false);
  if (name === "open") openDetail();
  if (name === "ack") acknowledge(id);
  if (name === "toggle") toggle(id);
}

function openDetail() {
  document.body.dataset.pane = "open";
  document.querySelector(".detail h2.subject")?.focus();
}

function back() {
  delete document.body.dataset.pane;
  if (document.activeElement?.closest(".detail")) {
    focusWanted = true;
    touch();
  } else if (state.checked.size) {
    state.checked.clear();
    touch();
  }
}

function question(kind, fits) {
  const alert = chosen();
  if (!alert) return;
  if (fits(allowed(alert))) ask(kind, alert.id);
  else if (kind === "shelve" && alert.level === 1) toast({ text: t("toast.no_shelve_1") });
}

const COMMANDS = {
  down: (e) => step(1, e.shiftKey),
  up: (e) => step(-1, e.shiftKey),
  pageDown: () => step(handle.current?.page() ?? 10),
  pageUp: () => step(-(handle.current?.page() ?? 10)),
  first: () => step(-Infinity),
  last: () => step(Infinity),
  open: () => (route().selected.startsWith("group:") ? toggle(route().selected) : openDetail()),
  back,
  ack: confirm,
  shelve: () => {
    const alert = current();
    if (!alert || !allowed(alert).unshelve) question("shelve", (can) => can.shelve);
    else if (chosen()) unshelve(alert.id);
  },
  refute: () => question("resolve", (can) => can.resolve),
  note: () => question("note", (can) => can.note),
  check: () => {
    const alert = current();
    if (!alert) return;
    if (!state.checked.delete(alert.id)) state.checked.add(alert.id);
    touch();
  },
  news: showNews,
  mute: () => (sound.status === "off" ? startShift() : mute()),
  expand: () => toggle(route().selected, true),
  collapse: () => toggle(route().selected, false),
  search: () => [...document.querySelectorAll("#search, #search-folded")].find((box) => box.offsetParent !== null)?.focus(),
  level1: () => toggleLevel(1),
  level2: () => toggleLevel(2),
  level3: () => toggleLevel(3),
  level4: () => toggleLevel(4),
  levelAll: () => go(EVERYTHING),
  previousCompound: () => stepCompound(drawn.counts, -1),
  nextCompound: () => stepCompound(drawn.counts, 1),
  help: () => ask("help", ""),
};

const ACTS = new Set(["ack", "shelve", "refute", "note"]);

listen((name, event) => {
  if (state.phase !== "ready") return false;
  if (event.repeat && ACTS.has(name)) return true; // a key held down is meant once
  COMMANDS[name](event);
  return true;
});

/** Says new alerts to those who listen: 一级 at once, the rest politely and not more often than every ten seconds. */
function useSpeech() {
  const [said, say] = useState({ alert: "", status: "" });
  useEffect(() => {
    let last = 0;
    return onNews((alerts) => {
      setTimeout(() => {
        for (const alert of alerts) state.flash.delete(alert.id);
        touch();
      }, FLASH_MS);
      const grave = alerts.filter((alert) => alert.level === 1);
      if (grave.length) say((old) => ({ ...old, alert: grave.map((a) => [levelLong(1), titleOf(a), placeOf(a)].join(t("comma"))).join(t("stop")) }));
      else if (performance.now() - last > SAY_EVERY_MS) {
        last = performance.now();
        say((old) => ({ ...old, status: t("say.new", { n: alerts.length }) }));
      }
    });
  }, []);
  return html`<div class="unseen" role="alert" data-say="alert">${said.alert}</div><div class="unseen" role="status" data-say="status">${said.status}</div>`;
}

function Skeleton() {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, []);
  const failed = state.loadFailed;
  return html`<section class="list panel skeleton" aria-busy=${!failed} aria-label=${t("loading")}>
    ${Array.from({ length: 8 }, (_, i) => html`<div class="bone" key=${i} />`)}
    ${(slow || failed) && html`<div class="empty" role="status"><p class="big">${failed ? t("loading.failed", { why: failed }) : t("loading.slow")}</p>
      <button type="button" class="btn primary" onClick=${begin}>${t("retry")}</button></div>`}
  </section>`;
}

function Foot() {
  const key = (keys, text) => html`<span key=${text}>${keys.map((k) => html`<kbd key=${k}>${k}</kbd>`)}${t(text)}</span>`;
  return html`<footer class="foot">
    ${key(["J", "K"], "foot.move")}${key(["Enter"], "foot.open")}${key(["A"], "foot.ack")}${key(["S"], "foot.shelve")}${key(["F"], "foot.refute")}${key(["C"], "foot.note")}${key(["M"], "foot.mute")}
    <button type="button" class="flat" onClick=${() => ask("help", "")}><kbd>?</kbd>${t("foot.help")}</button>
    <span class="far">${t("notice.short")} · ${t("foot.seq", { n: grouped(Math.max(0, state.seq)) })}${state.version ? ` · v${state.version}` : ""}</span></footer>`;
}

export function Board() {
  const lists = board();
  drawn = lists;
  const ref = useRef(null);
  handle = ref;
  const { counts } = lists;
  const speech = useSpeech();
  dressTab(counts);
  useLayoutEffect(() => {
    // The focus follows the alert, not the place where it stood: a row that was re-sorted is a moved element.
    const lost = document.activeElement === document.body && hand.keys;
    if (!focusWanted && !lost) return;
    const row = document.querySelector(`[role=row][data-id="${CSS.escape(route().selected)}"]`);
    if (row) {
      focusWanted = false;
      row.focus({ preventScroll: true });
    }
  });
  const ready = state.phase === "ready";
  return html`<div class="page" data-phase=${state.phase}>
    <${Header} counts=${counts} />
    <${Strip} counts=${counts} health=${state.health} view=${route()} lang=${language()} />
    <${Banners} />
    <main class=${`columns ${filtered(route()) ? "filtered" : ""}`}>
      <${Rail} counts=${counts} view=${route()} lang=${language()} />
      ${ready ? html`<${List} lists=${lists} counts=${counts} handle=${ref} act=${act} news=${showNews} />` : html`<${Skeleton} />`}
      <${Detail} alert=${current()} id=${route().selected} onBack=${back} />
    </main>
    <${Foot} />
    ${state.dialog && html`<${Dialogs} />`}
    ${speech}
  </div>`;
}
