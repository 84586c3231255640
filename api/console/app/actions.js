// What an operator can do to an alert. The board shows it at once; the server decides, and its answer stands.
import * as api from "./api.js";
import { ApiError } from "./api.js";
import { has, t } from "./i18n.js";
import { clock, iso, now, parse } from "./time.js";
import { alertOf, correct, dropOverlay, hand, overlay, state, titleOf, touch, truthOf } from "./store.js";
import { toast } from "./ui/toast.js";

const SHELVE_MAX_MS = 8 * 3_600_000 - 10_000; // the server's eight hours, less what two clocks may differ by
export const SHELVE_REASONS = ["maintenance", "known_fault", "waiting_part", "site_work", "other"];
export const FALSE_REASONS = ["sensor_fault", "cooking_smoke", "test", "dust_steam", "wiring", "other"];
const BULK_FROM = 3;

const signedIn = () => state.session?.user?.name ?? "";

/** Which actions fit this alert now. */
export function allowed(alert) {
  const open = alert && !alert.gone && alert.state !== "closed";
  return {
    ack: open && (alert.state === "unacked" || alert.state === "rtn_unacked"),
    shelve: open && alert.level > 1 && !alert.shelved_until && alert.section !== "returned",
    unshelve: open && Boolean(alert.shelved_until),
    resolve: open,
    note: Boolean(alert),
  };
}

/** Why a command failed, as a sentence. A conflict names who was faster, and when. */
export function because(error) {
  if (!(error instanceof ApiError)) throw error;
  const { code, params, status, problem } = error;
  if (status === 0) return t("error.unreachable");
  if (code === "alert.already_acked") {
    const { current } = problem;
    return t("error.acked_by", { who: params.by ?? current.acked_by, at: clock(parse(params.at ?? current.acked_at)) });
  }
  if (code && has(`error.${code}`)) return t(`error.${code}`, params);
  if (status === 409) return t("error.moved");
  if (status === 403) return t("error.forbidden");
  return t("error.other", { what: code || status });
}

/** The alert moved, but not in a way that would change a person's mind: same need, no graver than it was. */
const stillMeant = (verb, seen, error) => {
  const current = error instanceof ApiError && error.code === "alert.changed" ? error.problem.current : null;
  return current && verb === "ack" && current.state === seen.state && current.level >= seen.level ? current : null;
};

async function attempt(id, verb, body, seen) {
  const rev = verb === "note" ? null : seen.rev;
  try {
    return await api.command(id, verb, { ...body, rev });
  } catch (error) {
    const current = stillMeant(verb, seen, error);
    if (!current) throw error;
    return api.command(id, verb, { ...body, rev: current.rev });
  }
}

/** `refused` is told why it failed instead of a toast, where the question that was answered is still open. */
async function send(id, verb, body, change, refused = null) {
  const seen = truthOf(id);
  if (!seen) return false;
  const cmd = api.commandId();
  if (change) overlay(id, cmd, change);
  try {
    const answer = await attempt(id, verb, { cmd, ...body }, seen);
    correct(answer, cmd);
    return true;
  } catch (error) {
    const why = because(error);
    hand.restore(id);
    const { current } = error.problem;
    if (current?.id === id) correct(current, cmd);
    else dropOverlay(id, cmd);
    if (refused) refused(why);
    else toast({ text: t("toast.failed", { title: titleOf(seen), why }), kind: "wrong" });
    return false;
  }
}

export function acknowledge(id, note = "") {
  const alert = alertOf(id);
  if (!alert || !allowed(alert).ack || alert.pending) return Promise.resolve(false);
  const after = alert.state === "unacked" ? "acked" : alert.latching ? "rtn_latched" : "closed";
  const change = { state: after, acked_by: signedIn(), acked_at: iso(now()) };
  return send(id, "ack", { note }, change);
}

/** Several at once: only levels 3 and 4, the graver ones need a keystroke each. */
export async function acknowledgeMany(ids) {
  const alerts = ids.map(alertOf).filter((alert) => alert && allowed(alert).ack);
  const grave = alerts.filter((alert) => alert.level < BULK_FROM);
  const mild = alerts.filter((alert) => alert.level >= BULK_FROM);
  if (grave.length) toast({ text: t("toast.bulk_skipped", { n: grave.length }) });
  for (const alert of mild) state.checked.delete(alert.id);
  touch();
  const done = await Promise.all(mild.map((alert) => acknowledge(alert.id)));
  return done.filter(Boolean).length;
}

const confirmation = (second) => (second?.name ? { second: second.name, second_password: second.password } : {});

/** @param {number} untilMs when it returns by itself @param {{name: string, password: string}} [second] who agrees */
export function shelve(id, { reason, untilMs, note, second, refused }) {
  hand.dismiss(id);
  const until = iso(Math.min(untilMs, now() + SHELVE_MAX_MS));
  const body = { reason, until, note, ...confirmation(second) };
  return send(id, "shelve", body, refused ? null : { shelved_until: until }, refused);
}

export function unshelve(id) {
  hand.dismiss(id);
  return send(id, "unshelve", { note: "" }, { shelved_until: null });
}

/** Ends the record: `resolved` when it has been dealt with, `false_alarm` or `test` when it was never real. */
export function resolve(id, reason, note, { second, refused } = {}) {
  hand.dismiss(id);
  return send(id, "resolve", { reason, note, ...confirmation(second) }, null, refused);
}

/** A note stands beside the alert, whatever has happened to it meanwhile. */
export const addNote = (id, note) => send(id, "note", { note }, null);
