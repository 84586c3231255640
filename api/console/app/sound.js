// Tones by severity, made here: no files. 一级 sounds until acknowledged, 二级 three beeps every 30 s, 三级 one soft beep.
import { allAlerts, onNews, state, touch } from "./store.js";
import { everySecond } from "./time.js";
import { rings } from "./order.js";

const MUTE_MS = 60_000;
const REPEAT_MS = { 1: 1_600, 2: 30_000 };
const FLOOD_GAP_MS = 10_000;
const LOST_TONE_AFTER_MS = 30_000;
const KEPT = "anju.volume";
const VOLUME_MIN = 0.3;

let context = null;
let mutedUntil = 0;
let lastAny = -Infinity;
const lastOf = { 1: -Infinity, 2: -Infinity, 3: -Infinity };
let lostSaid = false;

export const sound = {
  onShift: false,
  /** on · muted · blocked · off (no shift begun) */
  get status() {
    if (!sound.onShift) return "off";
    if (context?.state !== "running") return "blocked";
    return performance.now() < mutedUntil ? "muted" : "on";
  },
  get mutedLeftMs() {
    return Math.max(0, mutedUntil - performance.now());
  },
  get contextState() {
    return context?.state ?? "none";
  },
  played: [],
};

const volume = () => Math.max(VOLUME_MIN, Number(localStorage.getItem(KEPT) ?? 0.7));

function tone(hz, startS, lengthS, gain) {
  const oscillator = context.createOscillator();
  const envelope = context.createGain();
  const at = context.currentTime + startS;
  oscillator.frequency.value = hz;
  envelope.gain.setValueAtTime(0, at);
  envelope.gain.linearRampToValueAtTime(gain * volume(), at + 0.02);
  envelope.gain.setValueAtTime(gain * volume(), at + lengthS - 0.04);
  envelope.gain.linearRampToValueAtTime(0, at + lengthS);
  oscillator.connect(envelope).connect(context.destination);
  oscillator.start(at);
  oscillator.stop(at + lengthS + 0.02);
}

const PATTERNS = {
  1: () => [880, 660, 880, 660].forEach((hz, i) => tone(hz, i * 0.35, 0.34, 0.5)),
  2: () => [0, 0.28, 0.56].forEach((at) => tone(740, at, 0.18, 0.4)),
  3: () => tone(520, 0, 0.25, 0.18),
  lost: () => tone(220, 0, 0.6, 0.3),
};

function play(what) {
  if (sound.status !== "on") return false;
  PATTERNS[what]();
  lastAny = performance.now();
  sound.played.push(what);
  if (sound.played.length > 50) sound.played.shift();
  return true;
}

/** Begins the shift: must be called from a click or a key, which is what browsers ask before they let a page sound. */
export async function startShift() {
  context ??= new AudioContext();
  sound.onShift = true;
  sessionStorage.setItem("anju.shift", "1");
  context.onstatechange = () => touch();
  await resume();
  for (const [level, startS] of [[3, 0], [2, 0.5], [1, 1.5]]) setTimeout(() => play(level), startS * 1000);
}

/** After F5 the shift goes on, but the browser may hold the sound back until a click: the banner asks for it. */
export function continueShift() {
  if (sessionStorage.getItem("anju.shift") !== "1") return;
  sound.onShift = true;
  context = new AudioContext();
  context.onstatechange = () => touch();
}

export function endShift() {
  sound.onShift = false;
  sessionStorage.removeItem("anju.shift");
  touch();
}

export async function resume() {
  await context?.resume();
  touch();
}

/** Silence for a minute. It acknowledges nothing, and a new 一级 breaks it. */
export function mute() {
  mutedUntil = performance.now() < mutedUntil ? 0 : performance.now() + MUTE_MS;
  touch();
}

function worstRinging() {
  let worst = 0;
  for (const alert of allAlerts()) if (rings(alert) && (worst === 0 || alert.level < worst)) worst = alert.level;
  return worst;
}

function attempt(level, at) {
  const gap = state.health.flood && level !== 1 ? FLOOD_GAP_MS : 0;
  if (at - lastAny < Math.max(gap, 1_500)) return;
  if (play(level)) lastOf[level] = at;
}

onNews((alerts) => {
  const ringing = alerts.filter(rings);
  if (!ringing.length) return;
  const level = Math.min(...ringing.map((alert) => alert.level));
  if (level === 1) mutedUntil = 0;
  if (level <= 3) attempt(level, performance.now());
});

everySecond(() => {
  if (!sound.onShift) return;
  const at = performance.now();
  const level = worstRinging();
  if (level in REPEAT_MS && at - lastOf[level] >= REPEAT_MS[level] - 100) attempt(level, at);
  const lost = state.link.status === "stalled" && Date.now() - state.link.heardMs > LOST_TONE_AFTER_MS;
  if (lost && !lostSaid) lostSaid = play("lost");
  if (!lost) lostSaid = false;
});
