// Why the machine spoke, so that a person can check it: the rule, what it was given, what it compared with.
import { html } from "../html.js";
import { language, named, t } from "../i18n.js";
import { clock, parse, span, stamp } from "../time.js";
import { label, lasting, provenance, said, Tree } from "./tree.js";

// Standards and official papers named in a clause: GB 50974-2014, TSG T5002-2017, 东政发〔2024〕18号.
const STANDARDS = /(?:GB(?:\/T)?|TSG|GA(?:\/T)?|JGJ|DB\d+(?:\/T)?) ?[A-Z]?[\d.]+(?:-\d{4})?|\p{Script=Han}{2,4}〔\d{4}〕\d+号/gu;

/** The clause stays as it was written; whoever reads English is told first which standards it names. */
function Basis({ text }) {
  const clause = html`<q lang="zh-CN">${text}</q>`;
  if (language() === "zh") return html`<p class="calm basis">${t("why.basis")}<span lang="zh-CN">${text}</span></p>`;
  const standards = [...new Set(text.match(STANDARDS) ?? [])];
  return html`<p class="calm basis">${standards.length ? t("why.basis_of", { list: standards.join(t("list.and")) }) : t("why.basis")} ${clause}</p>`;
}

const paramText = ({ value, unit }) => {
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  return unit === "s" && typeof value === "number" ? lasting(value) : `${value}${unit ? ` ${unit}` : ""}`;
};

const HIDDEN = ["first_ms"]; // an instant of the window, which is told below

export function Why({ why: all }) {
  const { why, alert } = all;
  const rule = why.rule_now;
  const kind = alert.domain;
  const from = parse(why.window?.from);
  const until = parse(why.window?.until);
  const inputs = Object.entries(why.inputs).filter(([name]) => !HIDDEN.includes(name));
  return html`<section class="blk why"><h3>${t("why.title")}<span>${t("why.rule", { code: why.rule, ver: why.version })}</span></h3>
    <${Tree} kind=${kind} why=${why} />
    ${inputs.length > 0 && html`<table><caption>${t("why.inputs")}</caption><tbody>
      ${inputs.map(([name, value]) => html`<tr key=${name} data-input=${name}><th scope="row" title=${name}>${label(kind, name).name}</th><td>${said(kind, name, value)}</td></tr>`)}
    </tbody></table>`}
    ${why.params.length > 0 && html`<table><caption>${t("why.params")}</caption><tbody>
      ${why.params.map((one) => html`<tr key=${one.name} data-param=${one.name}><th scope="row" title=${one.name}>${named(one.label) || one.name}</th><td>${paramText(one)}</td>
        <td class="calm">${provenance(one.from)}</td></tr>`)}
    </tbody></table>`}
    ${until > from && html`<p class="calm">${t("why.window", { from: stamp(from), until: clock(until), length: span(until - from) })}</p>`}
    ${why.sources.length > 1 && html`<p class="calm">${t("why.sources", { list: why.sources.map((one) => named(one.name) || one.id).join(", ") })}</p>`}
    ${rule?.basis && html`<${Basis} text=${rule.basis} />`}
    ${rule?.changed_since && html`<p class="calm">${t("why.changed", { ver: rule.version })}</p>`}
  </section>`;
}
