// The mark of a level: colour, shape, digit. The text stands beside it, always (four independent channels).
import { html } from "../html.js";
import { t } from "../i18n.js";

const PATHS = {
  1: "M6 1h8l5 5v8l-5 5H6l-5-5V6z",
  2: "M10 .8 19.6 18.8H.4z",
  3: "M2.2 1.7h15.6q.5 0 .5.5v15.6q0 .5-.5.5H2.2q-.5 0-.5-.5V2.2q0-.5.5-.5z",
  4: "M10 1.2a8.8 8.8 0 1 0 0 17.6a8.8 8.8 0 1 0 0-17.6z",
};
const HOLLOW = {
  1: "M6 1.8h8L18.2 6v8L14 18.2H6L1.8 14V6z",
  2: "M10 2.2 18.4 18H1.6z",
  3: "M2.5 2h15q.5 0 .5.5v15q0 .5-.5.5h-15q-.5 0-.5-.5v-15q0-.5.5-.5z",
  4: "M10 1.8a8.2 8.2 0 1 0 0 16.4a8.2 8.2 0 1 0 0-16.4z",
};
export const SHAPES = { 1: "octagon", 2: "triangle", 3: "square", 4: "circle" };

/** Shape of a level. `hollow`: somebody has it. `digit`: with its number. `tick`: struck, the condition has gone. */
export function Shape({ level, size = 18, hollow = false, digit = true, tick = false }) {
  const y = level === 2 ? (hollow ? 16.4 : 17) : 14.4;
  return html`<svg class="shape" width=${size} height=${size} viewBox="0 0 20 20" aria-hidden="true"
    data-shape=${SHAPES[level]} data-hollow=${hollow ? "1" : null}>
    <path class=${hollow ? `ho${level}` : `fi${level}`} d=${(hollow ? HOLLOW : PATHS)[level]} />
    ${digit && html`<text class=${hollow ? `hd${level}` : `fd${level}`} x="10" y=${y}
      font-size=${level === 2 && hollow ? 11.5 : 12.5}>${level}</text>`}
    ${tick && html`<path class="struck" d="M2 18 18 2" />`}
  </svg>`;
}

export const levelName = (level) => t(`level.${level}`);
export const levelLong = (level) => t(`level.${level}.long`);
