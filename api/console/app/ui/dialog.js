// A modal question, on the browser's own <dialog>: it keeps the focus inside and gives it back.
import { html, useEffect, useRef } from "../html.js";

export function Dialog({ title, wide = false, onClose, children }) {
  const ref = useRef(null);
  useEffect(() => {
    const back = document.activeElement;
    ref.current.showModal();
    return () => {
      if (back instanceof HTMLElement && back.isConnected) back.focus({ preventScroll: true });
    };
  }, []);
  return html`<dialog ref=${ref} class=${wide ? "wide" : ""} aria-labelledby="dialog-title"
    onCancel=${(event) => { event.preventDefault(); onClose(); }}
    onClick=${(event) => { if (event.target === ref.current) onClose(); }}>
    <div class="inside"><h2 id="dialog-title">${title}</h2>${children}</div>
  </dialog>`;
}

/** One choice of several, all visible: a row of radio buttons. */
export function Choices({ name, label, options, value, onChange }) {
  return html`<fieldset class="field bare"><legend>${label}</legend><div class="choices">
    ${options.map(([key, text]) => html`<label key=${key}>
      <input type="radio" name=${name} value=${key} checked=${value === key} onChange=${() => onChange(key)} />${text}
    </label>`)}
  </div></fieldset>`;
}
