// The page's end of the live connection: through the shared worker where there is one, else its own.
import { Connection } from "./stream-core.js";

const STREAM = "/api/v1/stream";

/**
 * Joins the stream. Messages may come before `start`: a page that joins first and fetches the board afterwards cannot
 * miss a change between the two.
 * @param {(kind: string, data: object) => void} tell
 */
export function join(tell) {
  const worker = shared();
  return worker ? throughWorker(worker, tell) : direct(tell);
}

function shared() {
  if (typeof SharedWorker === "undefined") return null;
  try {
    const url = new URL("./stream-worker.js", import.meta.url);
    url.searchParams.set("stream", new URL(STREAM, location.origin).href);
    return new SharedWorker(url, { type: "module", name: "anju-stream" });
  } catch (error) {
    // Some embedded browsers have the class but refuse to make one; the direct way serves them.
    console.warn("no shared worker", error);
    return null;
  }
}

function throughWorker(worker, tell) {
  const { port } = worker;
  let fallback = null;
  let position = null;
  worker.onerror = () => {
    if (fallback) return;
    fallback = direct(tell);
    if (position) fallback.start(...position);
  };
  port.onmessage = ({ data }) => tell(data.kind, data.data);
  port.start();
  addEventListener("pagehide", () => port.postMessage({ kind: "leave" }));
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  return {
    start: (store, seq) => {
      position = [store, seq];
      if (fallback) fallback.start(store, seq);
      else port.postMessage({ kind: "start", store, seq });
    },
    signedOut: () => (fallback ? fallback.signedOut() : port.postMessage({ kind: "signed-out" })),
  };
}

function direct(tell) {
  const connection = new Connection(STREAM, tell);
  addEventListener("pagehide", () => connection.stop());
  return {
    start: (store, seq) => connection.start(store, seq),
    signedOut: () => connection.stop(),
  };
}
