// The page begins: language, theme, session, then either the sign-in or the board.
import { html, render, useLayoutEffect, useState } from "./html.js";
import * as api from "./api.js";
import { ApiError } from "./api.js";
import { firstLanguage, onLanguage, t } from "./i18n.js";
import { begin, signedOut } from "./link.js";
import { continueShift } from "./sound.js";
import { firstTheme } from "./theme.js";
import { state, subscribe, touch } from "./store.js";
import { onToast, Toasts } from "./ui/toast.js";
import { Board } from "./views/board.js";
import { Login } from "./views/login.js";

async function enter(session) {
  state.session = session;
  continueShift();
  await begin();
}

function App() {
  const [, redraw] = useState(0);
  useLayoutEffect(() => {
    let n = 0;
    const again = () => redraw((n += 1));
    onToast(again);
    const stops = [subscribe(again), onLanguage(again)];
    return () => stops.forEach((stop) => stop());
  }, []);
  if (state.phase === "starting") return null;
  return html`${state.phase === "login" ? html`<${Login} onEnter=${enter} />` : html`<${Board} />`}<${Toasts} />`;
}

async function start() {
  firstTheme();
  await firstLanguage();
  document.title = t("title");
  api.whenSignedOut(signedOut);
  render(html`<${App} />`, document.getElementById("app"));
  try {
    const session = await api.session();
    if (session) await enter(session);
    else state.phase = "login";
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    state.phase = "loading";
    state.loadFailed = t("error.unreachable");
  }
  touch(true);
}

start();
