// Short notes at the foot of the page. They say what happened and go; nothing that must be acted upon lives here.
import { html } from "../html.js";
import { t } from "../i18n.js";

const KEPT_MAX = 4;
const WRONG_MS = 9_000;
const SHOWN_MS = 5_000;

let toasts = [];
let number = 0;
let redraw = () => {};

export const onToast = (fn) => {
  redraw = fn;
};

/** @param {{text: string, kind?: string, ms?: number}} note */
export function toast({ text, kind = "", ms }) {
  number += 1;
  const note = { id: number, text, kind };
  toasts = [...toasts.slice(1 - KEPT_MAX), note];
  setTimeout(() => drop(note.id), ms ?? (kind === "wrong" ? WRONG_MS : SHOWN_MS));
  redraw();
}

function drop(id) {
  toasts = toasts.filter((note) => note.id !== id);
  redraw();
}

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.map((note) => html`<div class="toast ${note.kind}" key=${note.id}>
      <span>${note.text}</span>
      <button type="button" onClick=${() => drop(note.id)}>${t("close")}</button>
    </div>`)}
  </div>`;
}
