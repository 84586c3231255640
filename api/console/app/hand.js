// Nothing moves under the operator's hand: while it is in the list, the order stays and newcomers wait behind a pill.
// The first level is the exception: it enters its pinned block at once.
const IDLE_MS = 20_000;
const HELD_MAX = 2_000;
const HASTE_MS = 700;

export class Hand {
  /** @param {() => void} changed called when the hold ends by itself */
  constructor(changed) {
    this.changed = changed;
    this.inside = false;
    this.keys = false;
    this.scrolled = false;
    this.last = 0;
    this.order = null;
    this.left = new Set();
    this.timer = null;
    /** What the cursor came to by itself, because the row it stood on was sent away. No key acts on it before a look. */
    this.cameTo = "";
    this.cameAt = -Infinity;
    /** Called with the id before a row is sent away, so that the selection can move on. */
    this.onDismiss = () => {};
  }

  /** Is the operator working in the list right now? */
  get busy() {
    return (this.inside || this.keys || this.scrolled) && performance.now() - this.last < IDLE_MS;
  }

  /** The pointer moved in the list, a row was selected by key, or the list was scrolled. */
  move(change = {}) {
    Object.assign(this, change);
    this.last = performance.now();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.idle(), IDLE_MS + 50);
  }

  /** The pointer has left; keys and scroll position may still hold the order. */
  leave() {
    this.inside = false;
    if (!this.busy) this.idle();
  }

  idle() {
    if (this.busy) return;
    this.keys = false;
    this.reorder();
    this.changed();
  }

  /** Forget the held order: a filter was changed, or N was pressed. */
  reorder() {
    this.order = null;
    this.left.clear();
  }

  release() {
    this.inside = false;
    this.keys = false;
    this.scrolled = false;
    this.reorder();
  }

  /** The operator sent this row away himself (shelved, closed): it goes at once. */
  dismiss(id) {
    this.onDismiss(id);
    this.left.add(id);
  }

  /** The cursor has moved on by itself to `id`. */
  came(id) {
    this.cameTo = id;
    this.cameAt = performance.now();
  }

  /** May an action fall on `id`? Once no, if nobody chose it: a second press of a key would hit another alert. */
  chose(id) {
    if (this.cameTo !== id) return true;
    this.cameTo = "";
    return false;
  }

  /** Is what lies under the pointer newer than a double click takes? */
  get hasty() {
    return performance.now() - this.cameAt < HASTE_MS;
  }

  /** He meant to, but the server refused: it stays. */
  restore(id) {
    this.left.delete(id);
  }

  /**
   * What to draw, given the order the rule wants.
   * @returns {{items: object[], pinned: object[], held: object[]}} the scrolled list, the pinned block above it, and
   *   the alerts that wait behind the pill
   */
  settle(wanted, { alertOf, lane }) {
    const ideal = split(wanted, alertOf, lane);
    if (!this.busy || this.order === null) {
      this.order = ideal;
      this.left.clear();
      return { ...ideal, held: [] };
    }
    const keep = (item) => item.type === "section" || (alertOf(item.id) && !this.left.has(item.id));
    const pinned = this.order.pinned.filter(keep);
    const known = new Set(pinned.map((item) => item.id));
    for (const item of ideal.pinned) if (!known.has(item.id)) pinned.push(item);
    const top = new Set(pinned.map((item) => item.id));
    const latest = new Map(wanted.map((item) => [item.key, item]));
    const items = this.order.items
      .filter((item) => keep(item) && !top.has(item.id))
      .map((item) => (item.type === "section" ? { ...item, total: latest.get(item.key)?.total ?? 0 } : item));
    this.order = { items, pinned };
    return { items, pinned, held: this.waiting(wanted, items, top, alertOf) };
  }

  /** Unacknowledged alerts that the drawn list does not show as such. */
  waiting(wanted, items, top, alertOf) {
    const drawn = new Set(top);
    for (const item of items) {
      // A row that stands among others but rings again counts as new: nobody looks for it there.
      if (item.type === "section" || item.section !== "unacked") continue;
      for (const id of [item.id, ...(item.ids ?? []), ...(item.kin ?? [])]) drawn.add(id);
    }
    const held = [];
    for (const item of wanted) {
      if (item.type === "section" || item.section !== "unacked") continue;
      for (const id of item.type === "group" ? item.ids : [item.id]) {
        if (!drawn.has(id) && held.length < HELD_MAX) held.push(alertOf(id));
      }
    }
    return held.filter(Boolean);
  }
}

/** Rows of unacknowledged alerts of the first level form the pinned block; their section header stands above it. */
function split(wanted, alertOf, lane) {
  if (lane !== "active") return { items: wanted, pinned: [] };
  const pinned = [];
  const items = [];
  for (const item of wanted) {
    if (item.type === "section" && item.section === "unacked") continue;
    const first = item.type === "row" && item.section === "unacked" && alertOf(item.id)?.level === 1;
    if (first && pinned.length < PINNED_MAX) pinned.push(item);
    else items.push(item);
  }
  return { items, pinned };
}

/** More than this many would push the list off the screen; the rest lead it instead. */
const PINNED_MAX = 5;
