// What has happened since, line by line from the journal, in words: who did what, why, and until when.
import { html } from "../html.js";
import { has, measured, t } from "../i18n.js";
import { iso, parse, stamp } from "../time.js";

const NEWEST = 40;
const TOLD = 8;
const REASONS = ["closed", "shelve.reason", "suppressed.why", "unsuppressed", "severity.why"];

/** A reason is a code of ours, or somebody's words. `count:n` is a code with a figure. */
export function reasonText(text) {
  if (!text) return "";
  const [code, n] = String(text).split(":");
  const known = REASONS.map((group) => `${group}.${code}`).find(has);
  return known ? t(known, { n }) : String(text);
}

export function who(actor) {
  if (!actor) return t("actor.system");
  if (actor.startsWith("rule:")) return t("actor.rule", { code: actor.slice(5) });
  return has(`actor.${actor}`) ? t(`actor.${actor}`) : actor;
}

const byPerson = (actor) => Boolean(actor) && !actor.includes(":") && !has(`actor.${actor}`);

/** The sentence's key: a person shelves; a rule or a clock closes by itself; anything else is told as a change. */
function keyOf(line) {
  const { kind, details, actor } = line;
  const by = details.suppression?.by ?? details.by;
  for (const key of [`journal.${kind}.${by}`, `journal.${kind}.${byPerson(actor) ? "person" : "itself"}`, `journal.${kind}`]) {
    if (has(key)) return key;
  }
  return "journal.other";
}

/** What one line of the journal says. Codes and parameters come in, a sentence goes out. */
export function sentence(line, unit) {
  const { details, actor } = line;
  const value = typeof details.value === "number" ? `${measured(details.value)}${unit ? ` ${unit}` : ""}` : "";
  const shelf = details.suppression;
  const text = t(keyOf(line), {
    who: who(actor), value, note: details.note ?? "", level: details.severity ? t(`level.${details.severity}`) : "",
    reason: reasonText(shelf?.reason ?? details.reason ?? details.why) || t("journal.no_reason"),
    by: t(`suppressed.${shelf?.by ?? details.by ?? "shelved"}`), until: shelf?.until_ms ? stamp(shelf.until_ms) : "",
  });
  const second = shelf?.second ?? details.second;
  const parts = [text, second && t("journal.second", { who: second }), shelf?.until_ms && t("row.until", { at: stamp(shelf.until_ms) })];
  return parts.filter(Boolean).join(t("comma")).trim();
}

export function Timeline({ why }) {
  const lines = why.timeline.slice(-NEWEST).reverse();
  const notes = lines.filter((line) => line.details.note);
  const quoted = (line) => line.details.note && line.kind !== "alert.note";
  return html`
    ${notes.length > 0 && html`<section class="blk"><h3>${t("notes.title")}</h3><ul class="plain notes">${notes.map((line) => html`<li key=${line.seq}>
      <q>${line.details.note}</q> <span class="calm">${who(line.actor)} ${stamp(parse(line.at))}</span></li>`)}</ul></section>`}
    <section class="blk"><h3>${t("timeline.title")}</h3><ol class="tl">${lines.map((line) => html`<li key=${line.seq} class=${line.kind === "alert.raised" ? "hot" : ""} data-kind=${line.kind}>
      <time dateTime=${iso(parse(line.at))}>${stamp(parse(line.at))}</time><i></i><span>${sentence(line, why.alert.unit)}${quoted(line) ? html`<br />${t("journal.noted")}<q>${line.details.note}</q>` : ""}</span></li>`)}</ol></section>`;
}

/** Who was told, how, and whether it arrived. */
export function Told({ list }) {
  if (!list.length) return null;
  const newest = list.slice(-TOLD).reverse();
  return html`<section class="blk told"><h3>${t("told.title")}</h3><ol class="tl">${newest.map((one) => html`<li key=${one.key} data-status=${one.status}>
    <time dateTime=${iso(parse(one.at))}>${stamp(parse(one.at))}</time><i></i>
    <span>${t("told.line", { channel: t(`channel.${one.channel}`), what: t(has(`told.${one.for}`) ? `told.${one.for}` : "told.other"), status: t(`told.status.${one.status}`, { n: one.failed_attempts }) })}${one.suppressed.length ? ` · ${t("told.quiet")}` : ""}</span></li>`)}</ol></section>`;
}
