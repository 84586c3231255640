// Why the machine spoke, so that a person can check it: the rule, what it was given, what it compared with. And what
// has happened since, line by line from the journal.
import { html } from "../html.js";
import { has, measured, named, t } from "../i18n.js";
import { state } from "../store.js";
import { clock, iso, parse, span, stamp } from "../time.js";

const NEWEST = 40;
const TOLD = 8;

/** Name and unit of a signal, from what its device kind says about itself. */
function label(kind, signal) {
  const signals = state.kinds.get(kind)?.signals ?? {};
  const known = signals[signal];
  const changed = known ? null : signals[signal.replace(/_change$/, "")];
  if (changed) return { name: t("why.change", { name: named(changed.name) }), unit: changed.unit ?? "" };
  return { name: named(known?.name) || (has(`input.${signal}`) ? t(`input.${signal}`) : signal), unit: known?.unit ?? "" };
}

function said(kind, value) {
  if (value === true || value === false) return t(value ? "yes" : "no");
  if (typeof value === "number") return measured(value);
  if (value === null || value === undefined) return t("unknown");
  if (typeof value === "string") return named(state.kinds?.get(kind)?.events?.[value]) || value;
  return JSON.stringify(value);
}

/** Where a parameter comes from: the pack, or an override for this compound or device. */
function provenance(source) {
  const [where, id] = source.split(":");
  return t(has(`why.from.${where}`) ? `why.from.${where}` : "why.from.other", { id: id ?? source });
}

/** A condition in words of the pack, its signals, events and limits in words of the reader. */
export function worded(kind, text) {
  const { signals = {}, events = {} } = state.kinds.get(kind) ?? {};
  const known = (word) => named(signals[word]?.name) || named(events[word]?.name ?? events[word]);
  const measure = (name, rest) => `${known(name)}${rest}${signals[name]?.unit ? ` ${signals[name].unit}` : ""}`;
  return text
    .replace(/\b([a-z_]+)( (?:<|<=|>|>=|rises|falls) -?[0-9.]+)/g, (all, name, rest) => (signals[name] ? measure(name, rest) : all))
    .replace(/[a-z_]{2,}/g, (word) => known(word) || (has(`word.${word}`) ? t(`word.${word}`) : word));
}

const MARKS = { true: ["✓", "clue.true"], false: ["✗", "clue.false"], null: ["?", "clue.unknown"] };

/** The condition as a tree: each part, and what it came to when the alert was judged. */
function Clues({ kind, clues }) {
  return html`<ul class="clues" aria-label=${t("why.clues")}>${clues.map((one, i) => {
    const [mark, meaning] = MARKS[one.truth];
    const text = one.join ? t(`clue.${one.join}`, { text: one.text }) : worded(kind, one.text);
    return html`<li key=${i} style=${`--depth:${one.depth}`} class=${one.join ? "join" : ""} data-truth=${String(one.truth)}>
      <span class="mark" role="img" aria-label=${t(meaning)} title=${t(meaning)}>${mark}</span><span>${text}</span></li>`;
  })}</ul>`;
}

export function Why({ why: all }) {
  const { why, alert } = all;
  const rule = why.rule_now;
  const kind = alert.domain;
  const from = parse(why.window?.from);
  const until = parse(why.window?.until);
  return html`<section class="blk why"><h3>${t("why.title")}<span>${t("why.rule", { code: why.rule, ver: why.version })}</span></h3>
    ${why.clues.length
      ? html`<${Clues} kind=${kind} clues=${why.clues} />`
      : why.condition && html`<p class="condition" title=${why.condition}>${worded(kind, why.condition)}</p>`}
    <table><caption class="unseen">${t("why.inputs")}</caption><tbody>
      ${Object.entries(why.inputs).map(([name, value]) => {
        const { name: text, unit } = label(kind, name);
        return html`<tr key=${`i${name}`} data-input=${name}><th scope="row">${text}</th><td>${said(kind, value)}${typeof value === "number" && unit ? ` ${unit}` : ""}</td><td class="calm">${t("why.input")}</td></tr>`;
      })}
      ${why.params.map((one) => html`<tr key=${`p${one.name}`} data-param=${one.name}><th scope="row" title=${one.name}>${named(one.label)}</th><td>${said(kind, one.value)}${one.unit ? ` ${one.unit}` : ""}</td>
        <td class="calm">${provenance(one.from)}</td></tr>`)}
    </tbody></table>
    ${until > from && html`<p class="calm">${t("why.window", { from: stamp(from), until: clock(until), length: span(until - from) })}</p>`}
    ${why.sources.length > 1 && html`<p class="calm">${t("why.sources", { list: why.sources.map((one) => named(one.name) || one.id).join(", ") })}</p>`}
    ${rule?.basis && html`<p class="calm">${t("why.basis")}<span lang="zh-CN">${rule.basis}</span></p>`}
    ${rule?.changed_since && html`<p class="calm">${t("why.changed", { ver: rule.version })}</p>`}
  </section>`;
}

/** Who was told, how, and whether it arrived. */
export function Told({ list }) {
  if (!list.length) return null;
  const newest = list.slice(-TOLD).reverse();
  return html`<section class="blk told"><h3>${t("told.title")}</h3><ol class="tl">${newest.map((one) => html`<li key=${one.key} data-status=${one.status}>
    <time dateTime=${iso(parse(one.at))}>${stamp(parse(one.at))}</time><i></i>
    <span>${t("told.line", { channel: t(`channel.${one.channel}`), what: t(has(`told.${one.for}`) ? `told.${one.for}` : "told.other"), status: t(`told.status.${one.status}`, { n: one.failed_attempts }) })}${one.suppressed.length ? ` · ${t("told.quiet")}` : ""}</span></li>`)}</ol></section>`;
}

function who(actor) {
  if (actor?.startsWith("rule:")) return t("actor.rule", { code: actor.slice(5) });
  return has(`actor.${actor}`) ? t(`actor.${actor}`) : actor;
}

/** What one line of the journal says. Codes and parameters come in, a sentence goes out. */
function sentence(line, unit) {
  const event = line.details;
  const number = event.value;
  const value = typeof number === "number" ? `${measured(number)}${unit ? ` ${unit}` : ""}` : "";
  const own = has(`journal.${line.kind}`) ? `journal.${line.kind}` : "journal.other";
  const reason = event.suppression?.reason ?? event.reason ?? event.why ?? "";
  const known = ["closed", "shelve.reason", "suppressed.why", "unsuppressed"].map((group) => `${group}.${reason}`).find(has);
  return t(own, {
    who: who(line.actor), value, kind: line.kind, level: event.severity ? t(`level.${event.severity}`) : "",
    reason: known ? t(known) : reason, note: event.note ?? "",
    by: t(`suppressed.${event.suppression?.by ?? event.by ?? "shelved"}`),
    until: event.suppression?.until_ms ? t("row.until", { at: stamp(event.suppression.until_ms) }) : "",
    second: event.second ?? event.suppression?.second ?? "",
  });
}

export function Timeline({ why }) {
  const lines = (why.timeline).slice(-NEWEST).reverse();
  const notes = lines.filter((line) => line.details.note);
  return html`
    ${notes.length > 0 && html`<section class="blk"><h3>${t("notes.title")}</h3><ul class="plain notes">${notes.map((line) => html`<li key=${line.seq}>
      <q>${line.details.note}</q> <span class="calm">${who(line.actor)} ${stamp(parse(line.at))}</span></li>`)}</ul></section>`}
    <section class="blk"><h3>${t("timeline.title")}</h3><ol class="tl">${lines.map((line) => html`<li key=${line.seq} class=${line.kind === "alert.raised" ? "hot" : ""} data-kind=${line.kind}>
      <time dateTime=${iso(parse(line.at))}>${stamp(parse(line.at))}</time><i></i><span>${sentence(line, why.alert.unit)}${line.details.note && line.kind !== "alert.note" ? html` <q>${line.details.note}</q>` : ""}</span></li>`)}</ol></section>`;
}
