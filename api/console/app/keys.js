// Shortcuts. By physical key, so that a Chinese input method does not eat them; never while somebody is writing.
const KEPT = "anju.keys";

const CODES = {
  KeyA: "ack", KeyC: "note", KeyF: "refute", KeyJ: "down", KeyK: "up", KeyM: "mute", KeyN: "news", KeyS: "shelve",
  KeyX: "check", ArrowDown: "down", ArrowUp: "up", ArrowRight: "expand", ArrowLeft: "collapse", Enter: "open",
  Escape: "back", Slash: "search", Home: "first", End: "last", PageDown: "pageDown", PageUp: "pageUp",
  Digit1: "level1", Digit2: "level2", Digit3: "level3", Digit4: "level4", Digit0: "levelAll",
  BracketLeft: "previousCompound", BracketRight: "nextCompound",
};

/** What the help dialog lists: keys as printed, and the sentence. */
export const HELP = [
  ["J K ↓ ↑", "key.move"], ["Enter", "key.open"], ["Esc", "key.back"], ["A", "key.ack"], ["S", "key.shelve"],
  ["F", "key.refute"], ["C", "key.note"], ["X", "key.check"], ["Shift+J Shift+K", "key.extend"], ["→ ←", "key.expand"],
  ["N", "key.news"], ["M", "key.mute"], ["/", "key.search"], ["1 2 3 4", "key.levels"], ["0", "key.all"],
  ["[ ]", "key.compound"], ["?", "key.help"],
];

export const keysOn = () => localStorage.getItem(KEPT) !== "off";
export const setKeys = (on) => localStorage.setItem(KEPT, on ? "on" : "off");

const writing = (target) =>
  target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;

let composing = false;
addEventListener("compositionstart", () => {
  composing = true;
}, true);
addEventListener("compositionend", () => {
  composing = false;
}, true);

/**
 * Sends shortcuts to `act(name, event)`; a true answer means the key was used.
 * @param {(name: string, event: KeyboardEvent) => boolean | void} act
 */
export function listen(act) {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || composing || event.isComposing || event.keyCode === 229) return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const name = event.shiftKey && event.code === "Slash" ? "help" : CODES[event.code];
    if (!name) return;
    if (document.querySelector("dialog[open]")) return;
    if (writing(event.target)) {
      if (name === "back") event.target.blur();
      return;
    }
    const plain = ["down", "up", "open", "back", "first", "last", "pageDown", "pageUp"].includes(name);
    if (!keysOn() && !plain) return;
    // Enter and arrows belong to the control that has the focus, unless that is a row of the list.
    const control = event.target instanceof Element && event.target.closest("button, a, summary, [role=tab]");
    if (control && (name === "open" || event.code.startsWith("Arrow"))) return;
    if (act(name, event)) event.preventDefault();
  });
}
