// Time as the server counts it, written the way people here read it. Shanghai time for everybody; no summer time.
import { t } from "./i18n.js";

const ZONE_MS = 8 * 3_600_000;
const DAY_MS = 86_400_000;
const JUMP_MS = 2_000;

let offset = null;

/** This machine's clock, safe from someone setting it while the page is open. */
const local = () => performance.timeOrigin + performance.now();

/** Milliseconds since the epoch by the server's clock; by this machine's until the server has spoken. */
export const now = () => local() + (offset ?? 0);

/** Learns from a server instant that has just arrived. Small errors are smoothed, jumps over two seconds adopted. */
export function learn(iso) {
  const sample = Date.parse(iso) - local();
  if (Number.isNaN(sample)) return;
  offset = offset === null || Math.abs(sample - offset) > JUMP_MS ? sample : offset + (sample - offset) * 0.2;
}

export const parse = (iso) => (iso == null ? null : typeof iso === "number" ? iso : Date.parse(iso));

const two = (n) => String(n).padStart(2, "0");
const shifted = (ms) => new Date(ms + ZONE_MS);

/** `14:36:08` */
export function clock(ms) {
  const d = shifted(ms);
  return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
}

/** `14:36` */
export const hourMinute = (ms) => clock(ms).slice(0, 5);

/** `11-22` */
export function monthDay(ms) {
  const d = shifted(ms);
  return `${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`;
}

export const weekday = (ms) => shifted(ms).getUTCDay();

/** Today `14:34:26`, this year `11-21 14:34`, else `2025-11-21 14:34`. */
export function stamp(ms, at = now()) {
  if (ms == null) return "";
  if (Math.floor((ms + ZONE_MS) / DAY_MS) === Math.floor((at + ZONE_MS) / DAY_MS)) return clock(ms);
  const year = shifted(ms).getUTCFullYear();
  const day = `${monthDay(ms)} ${hourMinute(ms)}`;
  return year === shifted(at).getUTCFullYear() ? day : `${year}-${day}`;
}

/** RFC 3339 with the offset of Shanghai, for `<time datetime>` and titles. */
export function iso(ms) {
  return `${shifted(ms).toISOString().slice(0, 23)}+08:00`;
}

/** A length of time: `01:42`, `2 时 34 分`, `3 天 4 时`. */
export function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 3600) return `${two(Math.floor(s / 60))}:${two(s % 60)}`;
  if (s < 86_400) return t("time.hm", { h: Math.floor(s / 3600), m: Math.floor((s % 3600) / 60) });
  return t("time.dh", { d: Math.floor(s / 86_400), h: Math.floor((s % 86_400) / 3600) });
}

/** A round length for limits and choices: `2 分钟`, `4 小时`. */
export function roundSpan(ms) {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1) return t("time.seconds", { n: Math.round(ms / 1000) });
  if (minutes < 120) return t("time.minutes", { n: minutes });
  const hours = minutes / 60;
  return hours < 48
    ? t("time.hours", { n: Number.isInteger(hours) ? hours : hours.toFixed(1) })
    : t("time.days", { n: Math.round(hours / 24) });
}

// --- the one ticker --------------------------------------------------------------------------------------------
const beats = new Set();

/** Calls `fn(now)` every second, on the second of the server's clock. Returns what stops it. */
export function everySecond(fn) {
  beats.add(fn);
  return () => beats.delete(fn);
}

function beat() {
  const at = now();
  for (const fn of beats) fn(at);
  setTimeout(beat, 1000 - (now() % 1000) + 3);
}
setTimeout(beat, 0);
