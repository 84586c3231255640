// Ties the live connection to the store: first board, resume, gaps, stalls, and what the operator is told about them.
import * as api from "./api.js";
import { ApiError } from "./api.js";
import { t } from "./i18n.js";
import { join } from "./stream.js";
import { adoptBoard, applyBatch, forget, state, touch } from "./store.js";
import { everySecond, learn, now } from "./time.js";
import { toast } from "./ui/toast.js";

const SILENCE_MS = 12_000;
const LOST_SHOWN_AFTER_MS = 2_000;
const REFETCH_MS = [0, 1_000, 2_000, 5_000];

let stream = null;
let refetching = false;
let lostAt = null;
let resumedFrom = null;

const link = () => state.link;

function heard() {
  link().heardMs = Date.now();
  lostAt = null;
  if (link().status === "live") return;
  link().status = "live";
  link().attempts = 0;
  touch();
}

const handlers = {
  hello(data) {
    learn(data.now);
    state.version = data.version ?? state.version;
    if (resumedFrom !== null) {
      const missed = Math.max(0, data.seq - resumedFrom);
      toast({ text: t("toast.resumed", { n: missed }), ms: 4_000 });
      resumedFrom = null;
    }
    heard();
    link().lastMs = now();
  },
  batch(data) {
    heard();
    link().lastMs = now();
    if (!applyBatch(data)) refetch();
  },
  tick(data) {
    learn(data.now);
    heard();
    link().lastMs = now();
    if (!state.catching && data.seq > state.seq) state.seq = data.seq;
    touch();
  },
  health(data) {
    heard();
    const was = Boolean(state.health.flood);
    state.health = { ...state.health, ...data };
    if (was !== Boolean(state.health.flood)) state.unrolled = false;
    touch(was !== Boolean(state.health.flood));
  },
  reset() {
    heard();
    refetch();
  },
  bye(data) {
    if (data.reason === "logout") {
      stillSignedIn();
      return;
    }
    link().status = "restarting";
    resumedFrom ??= state.seq;
    touch();
  },
  lost(data) {
    lostAt ??= Date.now();
    resumedFrom ??= state.seq;
    link().attempts = data.attempts;
    if (data.attempts > 1) stillSignedIn();
    touch();
  },
  retry(data) {
    link().attempts = data.attempts;
    touch();
  },
  joined(data) {
    // The worker was connected before this page asked: it is now at `seq`, and so must the page be.
    if (data.attempts === 0) heard();
    else lostAt ??= Date.now();
    if (data.seq > state.seq && state.phase === "ready") refetch();
  },
};

let asking = false;
async function stillSignedIn() {
  if (asking) return;
  asking = true;
  try {
    if ((await api.session()) === null) signedOut();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  } finally {
    asking = false;
  }
}

/** Fetches the board anew under the list that is drawn: same ids, same selection, same scroll. */
async function refetch() {
  if (refetching) return;
  refetching = true;
  state.catching = true;
  for (let attempt = 0; state.phase === "ready"; attempt += 1) {
    await new Promise((done) => setTimeout(done, REFETCH_MS[Math.min(attempt, REFETCH_MS.length - 1)]));
    try {
      const body = await api.board();
      learn(body.now);
      if (!adoptBoard(body)) continue;
      stream.start(state.store, state.seq);
      break;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) break;
    }
  }
  refetching = false;
}

/** First load after sign-in. Joins the stream first, so that nothing falls between it and the board. */
export async function begin() {
  state.phase = "loading";
  state.loadFailed = null;
  state.catching = true;
  touch(true);
  stream ??= join((kind, data) => handlers[kind]?.(data));
  try {
    const [board, rules, places, kinds, organisations] = await Promise.all([
      api.board(), api.rules(), api.places(), api.kinds(), api.organisations(),
    ]);
    const byId = (page) => new Map(page.items.map((item) => [item.id, item]));
    state.rules = byId(rules);
    state.kinds = byId(kinds);
    state.organisations = byId(organisations);
    state.places = places.items.filter((place) => place.kind === "compound").map((place) => ({
      ...place, firm: place.responsible?.name, initials: place.attrs?.initials ?? "",
    }));
    learn(board.now);
    link().lastMs = now();
    link().heardMs = Date.now();
    const whole = adoptBoard(board);
    state.phase = "ready";
    stream.start(state.store, state.seq);
    if (!whole) refetch();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status !== 401) state.loadFailed = error.title ?? error.message;
  }
  touch(true);
}

/** Nobody is signed in any more: the sign-in page, with nothing of the board left behind. */
export function signedOut() {
  if (state.phase === "login") return;
  state.session = null;
  state.phase = "login";
  stream?.signedOut();
  forget();
}

everySecond(() => {
  if (state.phase !== "ready") return;
  const silent = Date.now() - link().heardMs > SILENCE_MS;
  const lost = lostAt !== null && Date.now() - lostAt > LOST_SHOWN_AFTER_MS;
  // A restart that was announced may take as long as a silence; anything else is a stall, also while first connecting.
  if (link().status !== "stalled" && (silent || (lost && link().status !== "restarting"))) {
    link().status = "stalled";
    resumedFrom ??= state.seq;
    touch();
  }
});
