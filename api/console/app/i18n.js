// Words. The server sends codes and parameters; sentences are made here. zh-CN.json is the source, en.json its mirror.
const LANGUAGES = { zh: "zh-CN", en: "en" };
const KEPT = "anju.lang";

const tables = {};
const listeners = new Set();
let lang = "zh";
let plurals = new Intl.PluralRules("zh-CN");
let numbers = new Intl.NumberFormat("zh-CN");

export const language = () => lang;

/** The sentence for `key`, with `{name}` filled from `params` and `{n:alert|alerts}` chosen by the number `n`. */
export function t(key, params = {}) {
  const text = tables[lang]?.[key] ?? tables.zh?.[key];
  if (text === undefined) return key;
  return text.replace(/\{(\w+)(?::([^}|]*)\|([^}]*))?\}/g, (_, name, one, many) => {
    const value = params[name];
    if (one !== undefined) return plurals.select(Number(value)) === "one" ? one : many;
    return value === undefined || value === null ? "" : String(value);
  });
}

/** True when there is a sentence for `key`. */
export const has = (key) => tables.zh?.[key] !== undefined;

/** A name `{zh, en}` in the reader's language, Chinese where there is no English. */
export function named(name) {
  if (name == null) return "";
  if (typeof name === "string") return name;
  return (lang === "en" && name.en) || name.zh || "";
}

export const grouped = (n) => numbers.format(n);

/** A measured value without false precision: at most four significant digits before rounding to what matters. */
export function measured(value) {
  if (typeof value !== "number") return value == null ? "" : String(value);
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return String(Number(value.toFixed(digits)));
}

export function onLanguage(fn) {
  listeners.add(fn);
  return () => listeners.delete(fn);
}

async function load(code) {
  if (tables[code]) return;
  const response = await fetch(new URL(`../i18n/${LANGUAGES[code]}.json`, import.meta.url));
  if (!response.ok) throw new Error(`i18n ${code}: HTTP ${response.status}`);
  tables[code] = await response.json();
}

/** Switches at once, without a reload, and remembers the choice. */
export async function speak(code) {
  const wanted = code in LANGUAGES ? code : "zh";
  await load(wanted);
  lang = wanted;
  plurals = new Intl.PluralRules(LANGUAGES[wanted]);
  numbers = new Intl.NumberFormat(LANGUAGES[wanted]);
  document.documentElement.lang = LANGUAGES[wanted];
  localStorage.setItem(KEPT, wanted);
  for (const fn of listeners) fn(wanted);
}

/** First language: `?lang=`, then the last choice, then Chinese. The source table is always at hand as a fallback. */
export async function firstLanguage() {
  await load("zh");
  await speak(new URLSearchParams(location.search).get("lang") ?? localStorage.getItem(KEPT) ?? "zh");
}
