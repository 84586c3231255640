// Text that counts. The one ticker writes it straight into the element: no drawing of the page for a second passing.
import { html, useLayoutEffect, useRef } from "../html.js";
import { everySecond, now } from "../time.js";

/** `write(at)` gives the text for the instant `at`; `mark(element, at)` may set more (a class, a bar). */
export function Timer({ write, mark, tag = "span", ...rest }) {
  const ref = useRef(null);
  const latest = useRef(null);
  latest.current = { write, mark };
  useLayoutEffect(() => {
    const put = (at) => {
      const text = latest.current.write(at);
      if (ref.current.firstChild?.data !== text) ref.current.textContent = text;
      latest.current.mark?.(ref.current, at);
    };
    put(now());
    return everySecond(put);
  }, [write, mark]);
  return html`<${tag} ref=${ref} ...${rest} />`;
}
