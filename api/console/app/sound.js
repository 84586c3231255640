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
const STILL_BEATS = 3;
const RENEW_BEATS = 5;

let context = null;
let ran = false; // the browser has let this context sound: should it stop, it may be started again without a hand
let waking = false;
let clockAt = -1; // the context's own clock at the last beat
let still = 0; // beats in a row for which that clock has stood although the context says that it runs
let told = "";
let mutedUntil = 0;
let lastAny = -Infinity;
const lastOf = { 1: -Infinity, 2: -Infinity, 3: -Infinity };
let lostSaid = false;

export const sound = {
  onShift: false,
  /** on · muted · blocked · off (no shift begun) */
  get status() {
    if (!sound.onShift) return "off";
    if (context?.state !== "running" || sound.dead) return "blocked";
    return performance.now() < mutedUntil ? "muted" : "on";
  },
  /** Nothing to sound with, or it says that it runs and does not: no matter of permission. */
  get dead() {
    return context === null || still >= STILL_BEATS;
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

/** A machine without sound must still show its board: then there is no context, and the banner says so. */
function make() {
  ran = false;
  context = null;
  if (typeof AudioContext === "undefined") return;
  try {
    context = new AudioContext();
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    console.warn("no sound", error);
    return;
  }
  const made = context;
  made.onstatechange = () => {
    ran ||= made.state === "running";
    touch();
  };
}

/** A context that stands still is replaced. It stays under suspicion until the new one's clock has moved. */
function renew() {
  const old = context;
  if (old) old.onstatechange = null;
  make();
  clockAt = context?.currentTime ?? -1;
  if (old && old.state !== "closed") old.close();
}

/** Begins the shift: must be called from a click or a key, which is what browsers ask before they let a page sound. */
export async function startShift() {
  sound.onShift = true;
  sessionStorage.setItem("anju.shift", "1");
  await resume();
  for (const [level, startS] of [[3, 0], [2, 0.5], [1, 1.5]]) setTimeout(() => play(level), startS * 1000);
}

/** After F5 the shift goes on, but the browser may hold the sound back until a click or key: the banner asks for it. */
export function continueShift() {
  if (sound.onShift || sessionStorage.getItem("anju.shift") !== "1") return;
  sound.onShift = true;
  make();
}

export function endShift() {
  sound.onShift = false;
  sessionStorage.removeItem("anju.shift");
  touch();
}

/** Lets it sound again. May wait for ever where the browser wants a click or key first, so all is told before. */
export async function resume() {
  if (context === null || sound.dead || context.state === "closed") renew();
  touch();
  try {
    await context?.resume();
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // the machine refused, or this context has been replaced
  }
  touch();
}

// What the browser waits for is any click or key, not one on the banner: the first one restores the sound. The two
// places that say so do it themselves, since a press on them means more than that.
for (const kind of ["pointerdown", "pointerup", "keydown"]) {
  addEventListener(kind, (event) => {
    if (sound.status !== "blocked" || event.target.closest?.("[data-sound], [data-banner=sound]")) return;
    resume();
  }, true);
}

/** Sleep, a device that was pulled out, another program: sound can end at any time, not always with an event. */
function watch() {
  if (context?.state === "running") {
    still = context.currentTime === clockAt ? still + 1 : 0;
    clockAt = context.currentTime;
    if (still >= STILL_BEATS && (still - STILL_BEATS) % RENEW_BEATS === 0) resume();
  } else if (ran && !waking) {
    waking = true;
    resume().finally(() => {
      waking = false;
    });
  }
  if (sound.status === told) return;
  told = sound.status;
  touch();
}

/** Silence for a minute. It acknowledges nothing, and a new 一级 breaks it. */
export function mute() {
  if (sound.status === "blocked") return;
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
  watch();
  const at = performance.now();
  const level = worstRinging();
  if (level in REPEAT_MS && at - lastOf[level] >= REPEAT_MS[level] - 100) attempt(level, at);
  // A session that has ended under a shift is as silent as a connection that is lost.
  const stalled = state.link.status === "stalled" && Date.now() - state.link.heardMs > LOST_TONE_AFTER_MS;
  const lost = stalled || state.phase === "login";
  if (lost && !lostSaid) lostSaid = play("lost");
  if (!lost) lostSaid = false;
});
