// The condition of a rule as a tree a person can check: each part with what was seen, its limit, and what it came to.
import { html } from "../html.js";
import { nested, parse, seconds } from "../condition.js";
import { has, measured, named, t } from "../i18n.js";
import { state } from "../store.js";

const MARKS = { true: ["✓", "clue.true"], false: ["✗", "clue.false"], null: ["?", "clue.unknown"], undefined: ["·", "clue.unjudged"] };
const SIGNS = { "<=": "≤", ">=": "≥", "==": "=", "!=": "≠" };
const SIZES = [["d", "time.days"], ["h", "time.hours"], ["min", "time.minutes"], ["s", "time.seconds"]];
const TIME_UNITS = { s: 1, min: 60, h: 3_600, d: 86_400 };

/** Name and unit of a signal, from what its device kind says about itself. */
export function label(kind, signal) {
  const signals = state.kinds.get(kind)?.signals ?? {};
  const known = signals[signal];
  const changed = known ? null : signals[signal.replace(/_change$/, "")];
  if (changed) return { name: t("why.change", { name: named(changed.name) }), unit: changed.unit ?? "" };
  return { name: named(known?.name) || (has(`input.${signal}`) ? t(`input.${signal}`) : signal), unit: known?.unit ?? "" };
}

/** `10min`, or a number of seconds, as people say it. */
export function lasting(text) {
  const whole = typeof text === "number" ? text : seconds(text);
  if (whole === null) return text;
  const [unit, key] = SIZES.find(([size]) => whole >= TIME_UNITS[size] * (size === "s" ? 0 : 1) && whole % TIME_UNITS[size] === 0) ?? ["s", "time.seconds"];
  return whole === 60 || unit === "s" ? t("time.seconds", { n: measured(whole) }) : t(key, { n: whole / TIME_UNITS[unit] });
}

const eventName = (kind, code) => {
  const known = state.kinds.get(kind)?.events?.[code];
  return named(known?.name ?? known) || code;
};
const wordOf = (group, word) => (has(`${group}.${word}`) ? t(`${group}.${word}`) : word);

/** A value as people read it: a state by its word, an event by its name, a number with its unit. */
export function said(kind, signal, value) {
  if (value === null || value === undefined) return t("unknown");
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (has(`state.${signal}.${value}`)) return t(`state.${signal}.${value}`);
  if (typeof value === "number") {
    if (signal === "silent_s") return lasting(Math.round(value));
    const { unit } = label(kind, signal);
    return `${measured(value)}${unit ? ` ${unit}` : ""}`;
  }
  if (typeof value !== "string") return JSON.stringify(value);
  return signal === "event" ? eventName(kind, value) : signal === "state" ? wordOf("liveness", value) : value;
}

const list = (words) => words.join(t("list.or"));
const compared = (name, op, limit) => t("cond.compare", { name, op: SIGNS[op] ?? op, limit });

const SENTENCES = {
  flag: (kind, { signal, wanted }) => compared(label(kind, signal).name, "==", t(wanted ? "yes" : "no")),
  compare: (kind, { signal, op, limit, times, attr }) =>
    compared(label(kind, signal).name, op, attr ? `${times ? `${times} × ` : ""}${label(kind, attr).name}` : said(kind, signal, Number(limit))),
  among: (kind, { signal, among }) => compared(label(kind, signal).name, "==", list(among.map((one) => said(kind, signal, Number(one))))),
  rises: (kind, { signal, limit, within }) =>
    t("cond.rises", { name: label(kind, signal).name, limit: said(kind, signal, Number(limit)), within: lasting(within) }),
  falls: (kind, { signal, limit, within }) =>
    t("cond.falls", { name: label(kind, signal).name, limit: said(kind, signal, Number(limit)), within: lasting(within) }),
  silent: (_, { limit }) => t("cond.silent", { limit: lasting(limit) }),
  periods: (_, { limit }) => t("cond.periods", { n: limit }),
  state: (_, { state: word }) => t("cond.state", { state: wordOf("liveness", word) }),
  share: (_, { op, limit }) => t("cond.share", { op, n: limit }),
  ago: (kind, { signal, limit }) => t("cond.ago", { name: label(kind, signal).name, n: limit }),
  due: (kind, { signal, limit }) => t("cond.due", { name: label(kind, signal).name, n: limit }),
  event: (kind, { events, scheme, codes, confidence, until }) =>
    [
      t("cond.event", { list: list(events.map((one) => (one === "any" ? t("word.any") : eventName(kind, one)))) }),
      scheme && t("cond.code", { text: `${scheme}${codes.length ? ` ${codes.join("/")}` : ""}` }),
      confidence && t("cond.confidence", { n: confidence }),
      until.length > 0 && t("cond.until", { list: list(until.map((one) => eventName(kind, one))) }),
    ].filter(Boolean).join(t("comma")),
  words: (_, { text }) => text,
};

/** What was seen of it when it was judged, as words; empty where nothing was. */
function seen(kind, { kind: way, signal, events }, inputs) {
  if (way === "words") return "";
  const value = (way === "rises" || way === "falls") && `${signal}_change` in inputs ? inputs[`${signal}_change`] : inputs[signal];
  if (way === "share") return value === undefined ? "" : t("cond.of", { n: value, of: inputs.devices });
  if (value === undefined || (way === "event" && !events.includes("any") && !events.includes(value))) return "";
  return said(kind, signal, value);
}

/** Where a parameter comes from: the pack, or an override for this compound or device. */
export function provenance(source) {
  const [where, id] = source.split(":");
  const compound = where === "compound" ? named(state.places.find((place) => place.id === id)?.name) : "";
  return t(has(`why.from.${where}`) ? `why.from.${where}` : "why.from.other", { id: compound || id || source });
}

const inSeconds = (value) => (typeof value === "number" ? value : seconds(String(value)));

/** The parameters that gave these limits: of the same size and unit. The words of a condition name only the figures. */
function givers(params, figures) {
  const found = figures.map(({ value, unit }) =>
    params.find((one) => {
      const time = unit === "s" || one.unit === "s";
      return time ? one.unit !== "" && unit === "s" && inSeconds(one.value) === value : Number(one.value) === value && (!one.unit || !unit || one.unit === unit);
    }) ?? (unit === "s" ? params.find((one) => !one.unit && /^hold|window|_s$/.test(one.name) && inSeconds(one.value) === value) : undefined),
  );
  return [...new Set(found.filter(Boolean))];
}

function figuresOf(kind, node) {
  const figures = [];
  const { leaf } = node;
  const limit = leaf?.limit ?? leaf?.times;
  if (leaf?.kind === "silent") figures.push({ value: seconds(limit), unit: "s" });
  else if (limit !== undefined) figures.push({ value: Number(limit), unit: leaf.kind === "compare" && !leaf.attr ? label(kind, leaf.signal).unit : "" });
  if (node.n) figures.push({ value: Number(node.n), unit: "" });
  for (const text of [node.hold, node.within, leaf?.within]) if (text) figures.push({ value: seconds(text), unit: "s" });
  return figures;
}

function origin(kind, node, params) {
  const figures = figuresOf(kind, node);
  if (!figures.length) return "";
  const found = givers(params, figures);
  if (!found.length) return t("why.from.fixed");
  return found.map((one) => `${named(one.label) || one.name}${t("colon")}${provenance(one.from)}`).join(t("list.and"));
}

/** What a part says, in one sentence. */
function sentence(kind, node) {
  if (node.leaf) {
    const text = SENTENCES[node.leaf.kind](kind, node.leaf);
    return node.hold ? `${text}${t("comma")}${t("cond.hold", { text: lasting(node.hold) })}` : text;
  }
  const text = node.types ? list(node.types.map((one) => wordOf("type", one))) : node.within ? lasting(node.within) : "";
  const until = node.until?.length ? t("comma") + t("cond.until", { list: list(node.until.map((one) => eventName(kind, one))) }) : "";
  return t(`clue.${node.join}`, { text, n: node.n ?? "" }) + until;
}

function* linesOf(node, depth = 0) {
  yield { node, depth };
  for (const part of node.parts ?? []) yield* linesOf(part, depth + 1);
}

/** The condition in one line of words, for those who only want to know what the rule asks. */
export function worded(kind, text) {
  return [...linesOf(parse(text))].map(({ node }) => sentence(kind, node));
}

export function Tree({ kind, why }) {
  // A condition of one part has no lines of its own: it was true, or there would be no alert.
  const whole = why.clues.length ? nested(why.clues) : why.condition && { ...parse(why.condition), truth: true };
  if (!whole) return null;
  return html`<ul class="tree condition" aria-label=${t("why.clues")} title=${why.condition}>${[...linesOf(whole)].map(({ node, depth }, i) => {
    const [mark, meaning] = MARKS[node.truth];
    const value = node.leaf ? seen(kind, node.leaf, why.inputs) : "";
    const from = origin(kind, node, why.params);
    return html`<li key=${i} style=${`--depth:${depth}`} class=${node.leaf ? "" : "join"} data-truth=${String(node.truth)}>
      <span class="mark" role="img" aria-label=${t(meaning)} title=${t(meaning)}>${mark}</span>
      <span class="says">${sentence(kind, node)}${from && html`<small>${from}</small>`}</span>
      ${node.leaf && html`<span class="seen">${value ? html`<small>${t("why.seen")}</small> <b>${value}</b>` : html`<small>${t("why.unseen")}</small>`}</span>`}</li>`;
  })}</ul>`;
}
