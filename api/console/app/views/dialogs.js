// The questions asked before something is set aside, refuted, closed or noted; and the list of shortcuts.
import { html, useRef, useState } from "../html.js";
import { t } from "../i18n.js";
import { addNote, FALSE_REASONS, resolve, shelve, SHELVE_REASONS } from "../actions.js";
import { HELP, keysOn, setKeys } from "../keys.js";
import { alertOf, state, titleOf, touch } from "../store.js";
import { now, roundSpan, stamp } from "../time.js";
import { Choices, Dialog } from "../ui/dialog.js";
import { toast } from "../ui/toast.js";

const MINUTES = [30, 60, 120, 240, 480];
const NOTE_CHARS_MAX = 2_000;

function close() {
  state.dialog = null;
  touch();
}

const Note = ({ field, label, required = false }) => html`<label class="field"><span>${label}</span>
  <textarea ref=${field} rows="3" maxlength=${NOTE_CHARS_MAX} required=${required}></textarea></label>`;

const Ends = ({ verb }) => html`<div class="ends"><button type="button" class="btn" onClick=${close}>${t("cancel")}</button>
  <button class="btn primary">${verb}</button></div>`;

function Shelving({ alert }) {
  const [reason, setReason] = useState("");
  const [minutes, setMinutes] = useState(60);
  const [wrong, setWrong] = useState("");
  const note = useRef(null);
  const second = useRef(null);
  const submit = (event) => {
    event.preventDefault();
    if (!reason) return setWrong(t("shelve.need_reason"));
    if (reason === "other" && !note.current.value.trim()) return setWrong(t("shelve.need_note"));
    close();
    const untilMs = now() + minutes * 60_000;
    return shelve(alert.id, { reason, untilMs, note: note.current.value.trim(), second: second.current?.value.trim() }).then((done) => {
      if (done) toast({ text: t("toast.shelved", { title: titleOf(alert), at: stamp(untilMs) }) });
    });
  };
  return html`<${Dialog} title=${t("shelve.title", { title: titleOf(alert) })} onClose=${close}><form class="bare" onSubmit=${submit}>
    <p class="lead">${t("shelve.lead")}</p>
    <${Choices} name="reason" label=${t("shelve.reason")} value=${reason} onChange=${setReason} options=${SHELVE_REASONS.map((key) => [key, t(`shelve.reason.${key}`)])} />
    <${Choices} name="minutes" label=${t("shelve.time")} value=${minutes} onChange=${setMinutes} options=${MINUTES.map((n) => [n, roundSpan(n * 60_000)])} />
    ${alert.life_safety && html`<label class="field"><span>${t("shelve.second")}</span><input ref=${second} required maxlength="64" /></label>`}
    <${Note} field=${note} label=${t("note.label")} />
    <p class="wrong" role="alert">${wrong}</p><${Ends} verb=${t("act.shelve")} /></form></${Dialog}>`;
}

/** Dealt with, or never real: one question, since a person ends the record either way. */
function Resolving({ alert }) {
  const [reason, setReason] = useState(alert.section === "returned" ? "resolved" : "");
  const [wrong, setWrong] = useState("");
  const note = useRef(null);
  const submit = (event) => {
    event.preventDefault();
    const text = note.current.value.trim();
    if (!reason) return setWrong(t("resolve.need_reason"));
    if (reason === "resolved" && !text) return setWrong(t("resolve.need_note"));
    close();
    if (reason === "resolved" || reason === "test") return resolve(alert.id, reason, text);
    return resolve(alert.id, "false_alarm", [t(`refute.reason.${reason}`), text].filter(Boolean).join(t("colon")));
  };
  return html`<${Dialog} title=${t("resolve.title", { title: titleOf(alert) })} onClose=${close}><form class="bare" onSubmit=${submit}>
    <p class="lead">${t("resolve.lead")}</p>
    <${Choices} name="reason" label=${t("resolve.real")} value=${reason} onChange=${setReason} options=${[["resolved", t("resolve.done")]]} />
    <${Choices} name="reason" label=${t("refute.reason")} value=${reason} onChange=${setReason} options=${FALSE_REASONS.map((key) => [key, t(`refute.reason.${key}`)])} />
    <${Note} field=${note} label=${t("resolve.found")} />
    <p class="wrong" role="alert">${wrong}</p><${Ends} verb=${t("act.resolve")} /></form></${Dialog}>`;
}

function Noting({ alert }) {
  const note = useRef(null);
  const submit = (event) => {
    event.preventDefault();
    const text = note.current.value.trim();
    if (!text) return;
    close();
    addNote(alert.id, text);
  };
  return html`<${Dialog} title=${t("note.title", { title: titleOf(alert) })} onClose=${close}><form class="bare" onSubmit=${submit}>
    <${Note} field=${note} label=${t("note.label")} required /><${Ends} verb=${t("act.note")} /></form></${Dialog}>`;
}

function Help() {
  const [on, setOn] = useState(keysOn());
  return html`<${Dialog} title=${t("help.title")} wide onClose=${close}>
    <dl class="keys">${HELP.map(([keys, text]) => html`<div key=${text}><dt>${keys.split(" ").map((key) => html`<kbd key=${key}>${key}</kbd>`)}</dt><dd>${t(text)}</dd></div>`)}</dl>
    <label class="check"><input type="checkbox" checked=${on} onChange=${() => { setKeys(!on); setOn(!on); }} />${t("help.switch")}</label>
    <p class="lead">${t("notice.not_fire_panel")}</p>
    <div class="ends"><button type="button" class="btn primary" onClick=${close}>${t("close")}</button></div></${Dialog}>`;
}

const KINDS = { shelve: Shelving, resolve: Resolving, note: Noting };

export function Dialogs() {
  if (!state.dialog) return null;
  const { kind, id } = state.dialog;
  if (kind === "help") return html`<${Help} />`;
  const alert = alertOf(id);
  const Kind = KINDS[kind];
  return alert ? html`<${Kind} key=${`${kind} ${id}`} alert=${alert} />` : null;
}
