// A list of thousands of which only what is seen exists. Items bring their own height and key.
import { html, useLayoutEffect, useMemo, useRef, useState } from "../html.js";

const OVERSCAN_PX = 240;

function offsetsOf(items) {
  const tops = new Array(items.length + 1);
  tops[0] = 0;
  for (let i = 0; i < items.length; i += 1) tops[i + 1] = tops[i] + items[i].px;
  return tops;
}

/** Index of the item at height `y`. */
function at(tops, y) {
  let low = 0;
  let high = tops.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle] <= y) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

/**
 * @param {object} props
 * @param {{key: string, px: number}[]} props.items
 * @param {(item: object, index: number) => any} props.draw
 * @param {{current: any}} props.handle receives `reveal(key)`, `page()` and `element`
 * @param {string} props.scene when it changes, another list is shown, from its top
 * @param {boolean} props.steady somebody's hand is in the list: rows at the very top must not be pushed down either
 * @param {number} props.lift height of what stands above the list and pushes it down: corrected for, so that rows stay
 */
export function VList({ items, draw, handle, lift, steady, scene, onScroll, sticky, ...rest }) {
  const box = useRef(null);
  const anchor = useRef({ seen: [], lift: 0, scene, top: 0, height: 0 });
  const [view, setView] = useState({ top: 0, height: 800 });
  const tops = useMemo(() => offsetsOf(items), [items]);

  const measure = () => {
    const { scrollTop, clientHeight } = box.current;
    anchor.current.top = scrollTop;
    anchor.current.height = clientHeight;
    setView((old) => (old.top === scrollTop && old.height === clientHeight ? old : { top: scrollTop, height: clientHeight }));
  };

  useLayoutEffect(() => {
    const watcher = new ResizeObserver(measure);
    watcher.observe(box.current);
    measure();
    return () => watcher.disconnect();
  }, []);

  // Keeps what is seen where it is, whatever came or went above it: scrolls by the median way the seen rows have gone,
  // so that one of them moving far (it was acknowledged) does not carry the eye along.
  useLayoutEffect(() => {
    const element = box.current;
    const pushed = lift - anchor.current.lift;
    anchor.current.lift = lift;
    if (anchor.current.scene !== scene) {
      anchor.current.scene = scene;
      element.scrollTop = 0;
      measure();
      return;
    }
    // The last measured position: asking the element would lay the page out anew for every change of the list.
    if (anchor.current.top === 0 && !(steady && pushed > 0)) return;
    const ways = [];
    for (const [key, top] of anchor.current.seen) {
      const index = items.findIndex((item) => item.key === key);
      if (index >= 0) ways.push(tops[index] - top);
    }
    if (ways.length === 0) return;
    const way = ways.sort((a, b) => a - b)[ways.length >> 1] + pushed;
    if (way === 0) return;
    element.scrollTop += way;
    measure();
  }, [items, lift, scene]);

  const remember = () => {
    const { top, height } = anchor.current;
    const seen = [];
    for (let i = at(tops, top); i < items.length && tops[i] < top + height; i += 1) {
      seen.push([items[i].key, tops[i]]);
    }
    anchor.current.seen = seen;
  };

  useLayoutEffect(remember);

  handle.current = {
    get element() {
      return box.current;
    },
    page: () => Math.max(1, Math.floor(view.height / 57) - 1),
    toTop: () => {
      box.current.scrollTop = 0;
      measure();
    },
    reveal(key) {
      const index = items.findIndex((item) => item.key === key);
      if (index < 0) return;
      const { scrollTop, clientHeight } = box.current;
      if (tops[index] < scrollTop) box.current.scrollTop = index === 1 ? 0 : tops[index];
      else if (tops[index + 1] > scrollTop + clientHeight) box.current.scrollTop = tops[index + 1] - clientHeight;
      measure();
    },
  };

  const first = at(tops, Math.max(0, view.top - OVERSCAN_PX));
  const last = Math.min(items.length - 1, at(tops, view.top + view.height + OVERSCAN_PX));
  const seen = [];
  for (let i = first; i <= last; i += 1) {
    seen.push(html`<div class="slot" role="presentation" key=${items[i].key}
      style=${{ transform: `translateY(${tops[i]}px)` }}>${draw(items[i], i)}</div>`);
  }
  return html`<div class="vlist" ref=${box} ...${rest} onScroll=${() => { measure(); remember(); onScroll?.(box.current.scrollTop); }}>
    ${sticky && html`<div class="sticky" role="presentation">${sticky(items[at(tops, view.top)], view.top)}</div>`}
    <div class="runway" role="presentation" style=${{ height: `${tops[items.length]}px` }}>${seen}</div>
  </div>`;
}
