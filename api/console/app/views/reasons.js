// What stands behind an alert: fetched when the first one is opened, for the board does not need it.
import { html } from "../html.js";
import { Timeline, Told } from "./timeline.js";
import { Why } from "./why.js";

/** `between` is what the pane shows between the reasons and what has happened since. */
export function Reasons({ why, between }) {
  return html`<${Why} why=${why} />${between}<${Timeline} why=${why} /><${Told} list=${why.notifications} />`;
}
