// The address holds what a person would want back after F5: filters, lane, order and selection.
const listeners = new Set();

export const LANES = ["active", "returned", "shelved"];

const list = (text) => (text ? text.split(",").filter(Boolean) : []);

function read() {
  const q = new URLSearchParams(location.search);
  const lane = q.get("lane");
  return {
    levels: list(q.get("lv")).map(Number).filter((n) => n >= 1 && n <= 4),
    domain: q.get("dom") ?? "",
    compound: q.get("c") ?? "",
    lane: LANES.includes(lane) ? lane : "active",
    query: q.get("q") ?? "",
    selected: q.get("sel") ?? "",
  };
}

let view = read();

/** What the address says now. Never changed in place. */
export const route = () => view;

/** Changes parts of the address. Selection replaces the entry; a changed filter makes one to go back to. */
export function go(change) {
  const next = { ...view, ...change };
  const q = new URLSearchParams();
  if (next.levels.length) q.set("lv", next.levels.join(","));
  if (next.domain) q.set("dom", next.domain);
  if (next.compound) q.set("c", next.compound);
  if (next.lane !== "active") q.set("lane", next.lane);
  if (next.query) q.set("q", next.query);
  if (next.selected) q.set("sel", next.selected);
  const text = q.toString();
  const address = text ? `${location.pathname}?${text}` : location.pathname;
  const minor = Object.keys(change).every((key) => key === "selected" || key === "query");
  if (address !== location.pathname + location.search) {
    history[minor ? "replaceState" : "pushState"](null, "", address);
  }
  view = next;
  for (const fn of listeners) fn(view);
}

export function onRoute(fn) {
  listeners.add(fn);
  return () => listeners.delete(fn);
}

addEventListener("popstate", () => {
  view = read();
  for (const fn of listeners) fn(view);
});

/** Filters as a person would count them: none of lane or selection. */
export const filtered = (v) => v.levels.length > 0 || v.domain !== "" || v.compound !== "" || v.query !== "";
export const NO_FILTER = { levels: [], domain: "", compound: "", query: "" };
/** What key 0 and the first tab show: everything that is active. */
export const EVERYTHING = { ...NO_FILTER, lane: "active" };
