// Owns the one live connection for all tabs of this browser: HTTP/1.1 allows six, and the seventh tab would stay dark.
import { Connection } from "./stream-core.js";

const ports = new Set();
const url = new URL(self.location.href).searchParams.get("stream");

const connection = new Connection(url, (kind, data) => {
  for (const port of ports) port.postMessage({ kind, data });
});

function take(port, message) {
  if (message.kind === "leave") {
    ports.delete(port);
    if (ports.size === 0) connection.stop();
    return;
  }
  if (message.kind === "signed-out") {
    connection.stop();
    const bye = { kind: "bye", data: { reason: "logout" } };
    for (const other of ports) if (other !== port) other.postMessage(bye);
  }
  if (message.kind !== "start") return;
  if (connection.open && connection.store === message.store) {
    port.postMessage({ kind: "joined", data: { seq: connection.seq, attempts: connection.attempts } });
  } else {
    connection.start(message.store, message.seq);
  }
}

self.onconnect = (event) => {
  const port = event.ports[0];
  ports.add(port);
  port.onmessage = ({ data }) => take(port, data);
  port.start();
};
