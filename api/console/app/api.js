// Requests to the server. Changes carry the session's CSRF value; every refusal becomes an ApiError with its code.
const BASE = "/api/v1";
const TIMEOUT_MS = 15_000;

let csrf = "";
let onSignedOut = () => {};

export class ApiError extends Error {
  /** @param {number} status 0 when the server was not reached @param {object} problem RFC 9457 body, or {} */
  constructor(status, problem) {
    super(problem.title ?? `HTTP ${status}`);
    this.status = status;
    this.code = problem.code ?? "";
    this.params = problem.params ?? {};
    this.problem = problem;
  }
}

/** Calls `fn` whenever the server says that nobody is signed in. */
export const whenSignedOut = (fn) => {
  onSignedOut = fn;
};

async function call(method, path, body) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && csrf) headers["X-Anju-CSRF"] = csrf;
  let response;
  try {
    response = await fetch(BASE + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    throw new ApiError(0, { title: String(error) });
  }
  const text = await response.text();
  let data = null;
  try {
    data = text ? JSON.parse(text) : null;
  } catch (error) {
    // A proxy's error page: the status says enough.
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (response.ok) return data;
  if (response.status === 401 && path !== "/session") onSignedOut();
  throw new ApiError(response.status, data ?? {});
}

const seg = encodeURIComponent;

export const get = (path) => call("GET", path);

function keep(session) {
  csrf = session?.csrf ?? "";
  return session;
}

export const signIn = async (user, password) => keep(await call("POST", "/session", { user, password }));

/** The session this browser holds, or null. Without the readable half of its cookies there is nothing to ask about. */
export async function session() {
  if (!document.cookie.includes("anju_csrf=")) return null;
  try {
    return keep(await call("GET", "/session"));
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

export async function signOut() {
  await call("DELETE", "/session");
  csrf = "";
}

export const board = () => get("/board");
export const rules = () => get("/rules");
export const kinds = () => get("/kinds");
export const organisations = () => get("/organisations");
export const places = () => get("/places");
export const alert = (id) => get(`/alerts/${seg(id)}`);
export const explain = (id) => get(`/alerts/${seg(id)}/explain`);
export const series = (id, span) => get(`/alerts/${seg(id)}/series?span=${seg(span)}`);

let counter = 0;
/** A name for one command, so that sending it twice has the effect of once. */
export function commandId() {
  counter += 1;
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return `c-${[...bytes].map((b) => b.toString(36).padStart(2, "0")).join("")}-${counter}`;
}

/** `verb`: ack, shelve, unshelve, resolve or note. Answers the alert as it stands afterwards. */
export const command = (id, verb, body) => call("POST", `/alerts/${seg(id)}/${verb}`, body);
