// Why the machine spoke, so that a person can check it: the rule, what it was given, what it compared with. And what
// has happened since, line by line from the journal.
import { html } from "../html.js";
import { has, measured, named, t } from "../i18n.js";
import { state } from "../store.js";
import { clock, iso, parse, span, stamp } from "../time.js";

const NEWEST = 40;

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
  if (!source) return t("why.from.pack");
  const [where, id] = source.split(":");
  return t(has(`why.from.${where}`) ? `why.from.${where}` : "why.from.other", { id: id ?? source });
}

export function Why({ why }) {
  const { evidence, rule, alert } = why;
  if (!evidence) return null;
  const kind = alert.domain;
  const inputs = Object.entries(evidence.inputs ?? {});
  const params = Object.entries(evidence.params ?? {});
  const from = parse(evidence.window?.from);
  const until = parse(evidence.window?.until);
  return html`<section class="blk why"><h3>${t("why.title")}<span>${t("why.rule", { code: evidence.rule, ver: evidence.rule_version })}</span></h3>
    <p><code class="condition">${evidence.condition}</code></p>
    <table><caption class="unseen">${t("why.inputs")}</caption><tbody>
      ${inputs.map(([name, value]) => {
        const { name: text, unit } = label(kind, name);
        return html`<tr key=${`i${name}`} data-input=${name}><th scope="row">${text}</th><td>${said(kind, value)}${typeof value === "number" && unit ? ` ${unit}` : ""}</td><td class="calm">${t("why.input")}</td></tr>`;
      })}
      ${params.map(([name, value]) => html`<tr key=${`p${name}`} data-param=${name}><th scope="row"><code>${name}</code></th><td>${said(kind, value)}</td>
        <td class="calm">${provenance(evidence.overrides?.[name])}</td></tr>`)}
    </tbody></table>
    ${until > from && html`<p class="calm">${t("why.window", { from: stamp(from), until: clock(until), length: span(until - from) })}</p>`}
    ${evidence.sources?.length > 1 && html`<p class="calm">${t("why.sources", { list: evidence.sources.join(", ") })}</p>`}
    ${rule?.basis && html`<p class="calm">${t("why.basis", { text: rule.basis })}</p>`}
    ${why.rule_changed && html`<p class="calm">${t("why.changed", { ver: rule.version })}</p>`}
  </section>`;
}

function who(actor) {
  if (actor?.startsWith("rule:")) return t("actor.rule", { code: actor.slice(5) });
  return has(`actor.${actor}`) ? t(`actor.${actor}`) : actor;
}

/** What one line of the journal says. Codes and parameters come in, a sentence goes out. */
function sentence(line, unit) {
  const { event } = line;
  const number = event.value ?? event.alert?.value;
  const value = typeof number === "number" ? `${measured(number)}${unit ? ` ${unit}` : ""}` : "";
  const own = has(`journal.${line.kind}`) ? `journal.${line.kind}` : "journal.other";
  const reason = event.suppression?.reason ?? event.reason ?? event.why ?? "";
  const known = ["closed", "shelve.reason", "suppressed.why", "unsuppressed"].map((group) => `${group}.${reason}`).find(has);
  return t(own, {
    who: who(line.actor), value, kind: line.kind, level: event.severity ? t(`level.${event.severity}`) : "",
    reason: known ? t(known) : reason, note: event.note ?? "",
    by: t(`suppressed.${event.suppression?.by ?? event.by ?? "shelved"}`),
    until: event.suppression?.until_ms ? stamp(event.suppression.until_ms) : "",
  });
}

export function Timeline({ why }) {
  const lines = (why.journal ?? []).slice(-NEWEST).reverse();
  const notes = lines.filter((line) => line.event.note);
  return html`
    ${notes.length > 0 && html`<section class="blk"><h3>${t("notes.title")}</h3><ul class="plain notes">${notes.map((line) => html`<li key=${line.seq}>
      <q>${line.event.note}</q> <span class="calm">${who(line.actor)} ${stamp(parse(line.at))}</span></li>`)}</ul></section>`}
    <section class="blk"><h3>${t("timeline.title")}</h3><ol class="tl">${lines.map((line) => html`<li key=${line.seq} class=${line.kind === "alert.raised" ? "hot" : ""} data-kind=${line.kind}>
      <time dateTime=${iso(parse(line.at))}>${stamp(parse(line.at))}</time><i></i><span>${sentence(line, why.alert.unit)}</span></li>`)}</ol></section>`;
}
