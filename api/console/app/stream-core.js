// One live connection to the server, used by the shared worker and, where there is none, by the page itself.
// It resumes where it stopped, also when EventSource has given up (any answer but 200 makes it do so for good).
const SILENCE_MS = 12_000;
const RETRY_MS = [500, 1_000, 2_000, 3_000, 5_000];
const KINDS = ["hello", "batch", "tick", "health", "order", "reset", "bye"];

export class Connection {
  /** @param {string} url address of the stream @param {(kind: string, data: object) => void} tell */
  constructor(url, tell) {
    this.url = url;
    this.tell = tell;
    this.source = null;
    this.store = "";
    this.seq = -1;
    this.attempts = 0;
    this.heard = 0;
    this.fresh = true;
    this.timer = null;
    this.retryAfter = null;
    this.watch = setInterval(() => this.check(), 1_000);
  }

  get open() {
    return this.seq >= 0;
  }

  /** Begins after `seq` of `store`. A second call moves the position. */
  start(store, seq) {
    this.store = store;
    this.seq = seq;
    this.attempts = 0;
    this.connect();
  }

  /** Stops until the next `start`. */
  stop() {
    clearTimeout(this.timer);
    this.timer = null;
    this.source?.close();
    this.source = null;
    this.seq = -1;
  }

  close() {
    this.stop();
    clearInterval(this.watch);
  }

  connect() {
    clearTimeout(this.timer);
    this.timer = null;
    this.source?.close();
    this.heard = Date.now();
    const position = `after=${this.seq}&store=${encodeURIComponent(this.store)}&topics=alert,health`;
    const source = new EventSource(`${this.url}?${position}`);
    this.source = source;
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        if (source === this.source) this.hear(kind, event);
      });
    }
    source.onerror = () => {
      if (source === this.source) this.lost();
    };
  }

  hear(kind, event) {
    this.heard = Date.now();
    this.attempts = 0;
    let data;
    try {
      data = JSON.parse(event.data);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.tell("fault", { what: "json", kind });
      return;
    }
    if (kind === "hello") this.fresh = true;
    if (kind === "tick" && data.seq > this.seq) this.seq = data.seq;
    if (kind === "batch") {
      // One answer is ordered and whole, so only its first batch can begin past where we stand. Lines of the journal
      // that are no alerts are hidden from us, and move the server's `from` without anything being missing.
      if (!this.fresh) data.from = Math.min(data.from, this.seq);
      this.fresh = false;
      const at = Number(event.lastEventId.slice(event.lastEventId.lastIndexOf("-") + 1));
      if (Number.isInteger(at) && at >= this.seq) this.seq = at;
      data.at = this.seq;
    }
    if (kind === "bye" && data.reason === "logout") this.stop();
    else if (kind === "bye") {
      this.retryAfter = data.retry ?? 3_000;
      this.source.close();
      this.later();
    }
    if (kind === "reset") this.stop();
    this.tell(kind, data);
  }

  lost() {
    this.tell("lost", { attempts: this.attempts + 1 });
    // The browser's own retry cannot be trusted after a refusal, and has no limit of its own: one rule for both.
    this.source.close();
    this.later();
  }

  later() {
    if (this.timer !== null) return;
    const wait = this.retryAfter ?? RETRY_MS[Math.min(this.attempts, RETRY_MS.length - 1)];
    this.retryAfter = null;
    this.attempts += 1;
    this.timer = setTimeout(() => {
      this.tell("retry", { attempts: this.attempts });
      this.connect();
    }, wait);
  }

  /** A connection that is up but silent (a proxy that swallows everything) is replaced as well. */
  check() {
    if (!this.open || this.timer !== null || Date.now() - this.heard < SILENCE_MS) return;
    this.source?.close();
    this.lost();
  }
}
