// What the operator must know about the board itself: it has stopped, it is flooded, it cannot be heard. Never a modal.
import { html } from "../html.js";
import { t } from "../i18n.js";
import { resume, sound } from "../sound.js";
import { hand, state, touch } from "../store.js";
import { stamp } from "../time.js";

function connection() {
  const { status, lastMs, attempts } = state.link;
  if (status === "restarting") return t("banner.restarting");
  if (status !== "stalled") return "";
  return t("banner.stalled", { at: stamp(lastMs), n: Math.max(1, attempts) });
}

export function Banners() {
  const { health } = state;
  const lost = connection();
  return html`<div class="banners">
    <div role="status" aria-live="polite" class=${lost ? "banner lost" : "unseen"} data-banner="link">${lost}</div>
    ${!lost && (health.broker === false || health.storing === false) && html`<div class="banner lost" role="status" data-banner="source">
      ${t(health.storing === false ? "banner.not_storing" : "banner.no_broker")}</div>`}
    ${health.flood && html`<div class="banner flood" role="status" data-banner="flood">${t("banner.flood", { n: health.rate10 })}
      <button type="button" class="btn" onClick=${() => { state.unrolled = !state.unrolled; hand.reorder(); touch(true); }}>${t(state.unrolled ? "banner.roll" : "banner.unroll")}</button></div>`}
    ${sound.status === "blocked" && html`<div class="banner lost" role="status" data-banner="sound">${t(sound.dead ? "banner.silent" : "banner.blocked")}
      <button type="button" class="btn" onClick=${resume}>${t("banner.unblock")}</button></div>`}
  </div>`;
}
