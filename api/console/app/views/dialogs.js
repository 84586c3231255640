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

/** Another person, here and now: their own name and password, checked by the server with the command. */
const Second = ({ name, password, required, hint = "" }) => html`${hint && html`<p class="lead">${hint}</p>`}
  <label class="field"><span>${t("shelve.second")}</span><input ref=${name} name="second" required=${required} maxlength="64" autocomplete="off" spellcheck=${false} /></label>
  <label class="field"><span>${t("second.password")}</span><input ref=${password} name="second_password" type="password" required=${required} maxlength="256" autocomplete="new-password" /></label>`;

/** The fields of `Second`; a refusal keeps the question open, without the password. */
function useSecond(setWrong) {
  const name = useRef(null);
  const password = useRef(null);
  const [busy, setBusy] = useState(false);
  const given = () => ({ name: name.current?.value.trim() ?? "", password: password.current?.value ?? "" });
  const refused = (why) => {
    if (password.current) password.current.value = "";
    setWrong(why);
  };
  const ask = async (command) => {
    if (busy) return false;
    setBusy(true);
    setWrong("");
    const done = await command({ second: given(), refused });
    setBusy(false);
    if (done) close();
    return done;
  };
  return { name, password, busy, ask };
}

const Ends = ({ verb, busy = false }) => html`<div class="ends"><button type="button" class="btn" onClick=${close}>${t("cancel")}</button>
  <button class="btn primary" disabled=${busy}>${verb}</button></div>`;

function Shelving({ alert }) {
  const [reason, setReason] = useState("");
  const [minutes, setMinutes] = useState(60);
  const [wrong, setWrong] = useState("");
  const note = useRef(null);
  const second = useSecond(setWrong);
  const submit = (event) => {
    event.preventDefault();
    if (!reason) return setWrong(t("shelve.need_reason"));
    if (reason === "other" && !note.current.value.trim()) return setWrong(t("shelve.need_note"));
    const untilMs = now() + minutes * 60_000;
    const command = (more) => shelve(alert.id, { reason, untilMs, note: note.current.value.trim(), ...more });
    const sent = alert.life_safety ? second.ask(command) : command({});
    if (!alert.life_safety) close();
    return sent.then((done) => {
      if (done) toast({ text: t("toast.shelved", { title: titleOf(alert), at: stamp(untilMs) }) });
    });
  };
  return html`<${Dialog} title=${t("shelve.title", { title: titleOf(alert) })} onClose=${close}><form class="bare" onSubmit=${submit}>
    <p class="lead">${t("shelve.lead")}</p>
    <${Choices} name="reason" label=${t("shelve.reason")} value=${reason} onChange=${setReason} options=${SHELVE_REASONS.map((key) => [key, t(`shelve.reason.${key}`)])} />
    <${Choices} name="minutes" label=${t("shelve.time")} value=${minutes} onChange=${setMinutes} options=${MINUTES.map((n) => [n, roundSpan(n * 60_000)])} />
    ${alert.life_safety && html`<${Second} name=${second.name} password=${second.password} required />`}
    <${Note} field=${note} label=${t("note.label")} />
    <p class="wrong" role="alert">${wrong}</p><${Ends} verb=${t("act.shelve")} busy=${second.busy} /></form></${Dialog}>`;
}

/** Dealt with, or never real: one question, since a person ends the record either way. */
function Resolving({ alert }) {
  const [reason, setReason] = useState(alert.section === "returned" ? "resolved" : "");
  const [wrong, setWrong] = useState("");
  const note = useRef(null);
  const second = useSecond(setWrong);
  // Whether readings still speak for the condition is the server's to say; some rules never need a second person.
  const two = (alert.life_safety || alert.severity === 1) && (alert.state === "unacked" || alert.state === "acked") && reason && reason !== "resolved";
  const submit = (event) => {
    event.preventDefault();
    const text = note.current.value.trim();
    if (!reason) return setWrong(t("resolve.need_reason"));
    if (reason === "resolved" && !text) return setWrong(t("resolve.need_note"));
    const real = reason === "resolved" || reason === "test";
    const said = real ? text : [t(`refute.reason.${reason}`), text].filter(Boolean).join(t("colon"));
    const command = (more) => resolve(alert.id, real ? reason : "false_alarm", said, more);
    if (two) return second.ask(command);
    close();
    return command();
  };
  return html`<${Dialog} title=${t("resolve.title", { title: titleOf(alert) })} onClose=${close}><form class="bare" onSubmit=${submit}>
    <p class="lead">${t("resolve.lead")}</p>
    <${Choices} name="reason" label=${t("resolve.real")} value=${reason} onChange=${setReason} options=${[["resolved", t("resolve.done")]]} />
    <${Choices} name="reason" label=${t("refute.reason")} value=${reason} onChange=${setReason} options=${FALSE_REASONS.map((key) => [key, t(`refute.reason.${key}`)])} />
    <${Note} field=${note} label=${t("resolve.found")} />
    ${two && html`<${Second} name=${second.name} password=${second.password} hint=${t("second.hint")} />`}
    <p class="wrong" role="alert">${wrong}</p><${Ends} verb=${t("act.resolve")} busy=${second.busy} /></form></${Dialog}>`;
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
