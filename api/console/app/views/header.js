// The bar at the top: where one is, who is on shift, whether what one sees is live, and the server's time.
import { html } from "../html.js";
import * as api from "../api.js";
import { ApiError } from "../api.js";
import { language, speak, t } from "../i18n.js";
import { signedOut } from "../link.js";
import { endShift, mute, resume, sound, startShift } from "../sound.js";
import { state, touch } from "../store.js";
import { setTheme, theme } from "../theme.js";
import { clock, monthDay, span, weekday } from "../time.js";
import { Timer } from "../ui/timer.js";
import { toast } from "../ui/toast.js";

export const Logo = ({ size = 24 }) => html`<svg width=${size} height=${size} viewBox="0 0 24 24" class="logo-mark" aria-hidden="true">
  <path d="M12 2 21 6v6c0 5-4 8.6-9 10-5-1.4-9-5-9-10V6z" /><path d="M8 17v-6l4-3 4 3v6M8 17h8M12 17v-3" />
</svg>`;

const ageText = (at) => {
  const { lastMs } = state.link;
  return lastMs === null ? "" : t("live.age", { n: Math.max(0, Math.floor((at - lastMs) / 1000)) });
};

function Live() {
  const { status } = state.link;
  return html`<span class="live" data-status=${status}>
    <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true"><path d=${status === "live" ? "M1 9.5h3l1.6-6 2.6 9 1.6-5H13" : "M1 7h12"} /></svg>
    <strong>${t(`live.${status}`)}</strong> <${Timer} class="age" write=${ageText} />
  </span>`;
}

const soundText = () => {
  const { status } = sound;
  return status === "muted" ? t("sound.muted", { left: span(sound.mutedLeftMs + 999) }) : t(`sound.${status}`);
};

function soundPressed() {
  if (sound.status === "off") startShift();
  else if (sound.status === "blocked") resume();
  else mute();
}

async function leave() {
  try {
    await api.signOut();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    toast({ text: t("error.unreachable"), kind: "wrong" });
    return;
  }
  endShift();
  signedOut();
}

export function Header({ counts }) {
  const user = state.session?.user;
  const other = language() === "zh" ? "en" : "zh";
  const dark = theme() === "dark";
  return html`<header class="top">
    <div class="logo"><${Logo} /><span>${t("title")}</span></div>
    <nav aria-label=${t("nav.label")}>
      <a href="/" class="on" aria-current="page">${t("nav.board")}${counts.total.unacked > 0 && html`<b>${counts.total.unacked}</b>`}</a>
    </nav>
    <div class="top-right">
      ${!sound.onShift && html`<button type="button" class="shift" onClick=${startShift}>${t("shift.start")}</button>`}
      <span class="who">${state.shift?.name ? `${state.shift.name}·` : ""}<strong>${user?.name}</strong></span>
      <${Live} />
      ${sound.onShift && html`<button type="button" class="flat" data-sound=${sound.status} aria-label=${`${t("sound.label")} ${soundText()}`} title=${t("sound.hint")}
        onClick=${soundPressed}>${t("sound.label")} <strong><${Timer} write=${soundText} /></strong></button>`}
      <button type="button" class="flat" lang=${other} onClick=${() => speak(other)}>${other === "en" ? "EN" : "中文"}</button>
      <button type="button" class="flat" aria-pressed=${dark}
        onClick=${() => { setTheme(dark ? "light" : "dark"); touch(); }}>${dark ? t("theme.light") : t("theme.dark")}</button>
      <button type="button" class="flat" onClick=${leave}>${t("sign_out")}</button>
      <span class="clock"><small><${Timer} write=${(at) => `${monthDay(at)} ${t(`weekday.${weekday(at)}`)}`} /></small><${Timer}
        tag="time" write=${clock} /></span>
    </div>
  </header>`;
}

let worn = "";

/** Title and icon of the tab: how many wait, and the shape of the worst. */
export function dressTab(counts) {
  const { unacked } = counts.total;
  const title = unacked > 0 ? `(${unacked}) ${t("title.board")}` : t("title.board");
  if (worn === `${title} ${counts.worst}`) return;
  worn = `${title} ${counts.worst}`;
  document.title = title;
  const icon = document.querySelector("link[rel=icon]");
  icon.href = new URL(`../../icons/level-${counts.worst}.svg`, import.meta.url).href;
}

/** The next page has a title of its own. */
export const undressTab = () => {
  worn = "";
};
