// Sign-in: a name, a password, and a plain sentence when they do not fit.
import { html, useEffect, useRef, useState } from "../html.js";
import * as api from "../api.js";
import { ApiError } from "../api.js";
import { language, speak, t } from "../i18n.js";
import { setTheme, theme } from "../theme.js";
import { Logo, undressTab } from "./header.js";

function sentence(error) {
  if (error.status === 0) return t("error.unreachable");
  if (error.status === 401) return t("login.wrong");
  if (error.status === 429) return t("login.wait", { n: error.params.retry_after_s ?? 60 });
  return t("error.other", { what: error.code || error.status });
}

export function Login({ onEnter }) {
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  const user = useRef(null);
  const password = useRef(null);
  useEffect(() => {
    undressTab();
    document.title = t("title");
    user.current.focus();
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setWrong("");
    try {
      await onEnter(await api.signIn(user.current.value.trim(), password.current.value));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setBusy(false);
      setWrong(sentence(error));
      password.current.select();
    }
  };
  const other = language() === "zh" ? "en" : "zh";
  return html`<main class="login">
    <form class="login-card" onSubmit=${submit}>
      <h1><${Logo} size=${30} />${t("title")}</h1>
      <p class="lead">${t("login.lead")}</p>
      <label class="field"><span>${t("login.user")}</span>
        <input ref=${user} name="user" autocomplete="username" required maxlength="64" spellcheck=${false} /></label>
      <label class="field"><span>${t("login.password")}</span>
        <input ref=${password} name="password" type="password" autocomplete="current-password" required
          maxlength="256" /></label>
      <p class="wrong" role="alert">${wrong}</p>
      <button class="btn primary big" disabled=${busy}>${busy ? t("login.busy") : t("login.enter")}</button>
      <p class="login-foot">
        <button type="button" class="link" lang=${other} onClick=${() => speak(other)}>
          ${other === "en" ? "English" : "中文"}</button>
        <button type="button" class="link" onClick=${() => { setTheme(theme() === "dark" ? "light" : "dark"); setWrong(""); }}>
          ${t("theme.switch")}</button>
      </p>
      <p class="notice">${t("notice.not_fire_panel")}</p>
    </form>
  </main>`;
}
