/** The live connection: sends edits and receives frames over one WebSocket; the newest edit wins and nothing queues. */

const MAGIC = 0x4c57;
const HEADER = 32;
/** @type {Record<number, string>} */
const TYPES = { 1: "image/jpeg", 2: "image/png", 3: "image/webp" };
const FIRST_WAIT = 400;
const LONGEST_WAIT = 8000;
const STEADY = 3000; // ms a connection must last before the waiting starts short again

/**
 * Emits `hello` {version, device}, `frame` {rev, edit, settled, blob, width, height, waitMs, renderMs, encodeMs,
 * roundTripMs}, `problem` {rev, message, hint} and `link` {state: "connecting"|"open"|"waiting", retryMs}.
 */
export class LiveSocket extends EventTarget {
  #open;
  #schedule;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Edit | null} */
  #edit = null;
  /**
   * Turns the edit into those of a sheet, or null for the edit alone.
   * @type {((edit: Edit) => Edit[]) | null}
   */
  spread = null;
  #scheduled = false;
  #rev = 0;
  #newest = 0;
  /** @type {Map<number, {edit: Edit | null, at: number}>} */
  #sent = new Map();
  #failures = 0;
  #timer = 0;

  /**
   * @param {() => WebSocket} open
   * @param {(send: () => void) => unknown} [schedule]
   */
  constructor(open, schedule = (send) => requestAnimationFrame(send)) {
    super();
    this.#open = open;
    this.#schedule = schedule;
  }

  /** Connect, and reconnect for as long as the page lives. */
  start() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#emit("link", { state: "connecting" });
    const socket = this.#open();
    let opened = 0;
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      opened = performance.now();
      this.#emit("link", { state: "open" });
      if (this.#edit) this.#post(); // the server remembers nothing: the whole state goes again
    });
    socket.addEventListener("message", ({ data }) =>
      typeof data === "string" ? this.#read(data) : this.#receive(data),
    );
    socket.addEventListener("close", () => {
      if (opened && performance.now() - opened > STEADY) this.#failures = 0;
      this.#retry();
    });
  }

  /** Try again at once instead of waiting, when the browser says the network is back. */
  hurry() {
    if (this.#timer) this.start();
  }

  /**
   * Show this edit. Any number of calls in one animation frame becomes one message. Returns nothing.
   * @param {Edit} edit
   */
  render(edit) {
    this.#edit = edit;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule(() => {
      this.#scheduled = false;
      this.#post();
    });
  }

  /**
   * Tell the server that a frame was drawn or dropped, which lets it send the next.
   * @param {number} rev
   */
  ack(rev) {
    this.#send({ ack: rev });
  }

  #post() {
    const rev = this.#rev + 1;
    const wanted = this.spread && this.#edit ? { edits: this.spread(this.#edit) } : { edit: this.#edit };
    if (!this.#send({ rev, ...wanted })) return;
    this.#rev = rev;
    this.#sent.set(rev, { edit: this.#edit, at: performance.now() });
  }

  /** @param {object} message */
  #send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** @param {ArrayBuffer} buffer */
  #receive(buffer) {
    const view = new DataView(buffer);
    if (buffer.byteLength <= HEADER || view.getUint16(0) !== MAGIC || view.getUint8(2) !== 1) return;
    const rev = view.getUint32(4);
    if (rev < this.#newest) return this.ack(rev); // overtaken on the way
    this.#newest = rev;
    this.#failures = 0;
    const sent = this.#sent.get(rev);
    for (const old of this.#sent.keys()) if (old < rev) this.#sent.delete(old);
    const settled = Boolean(view.getUint16(12) & 1);
    this.#emit("frame", {
      rev,
      edit: sent?.edit ?? null,
      settled,
      blob: new Blob([new Uint8Array(buffer, HEADER)], { type: TYPES[view.getUint8(3)] }),
      width: view.getUint16(8),
      height: view.getUint16(10),
      waitMs: view.getUint32(16) / 1000,
      renderMs: view.getUint32(20) / 1000,
      encodeMs: view.getUint32(24) / 1000,
      roundTripMs: settled || !sent ? null : performance.now() - sent.at,
    });
  }

  /** @param {string} text */
  #read(text) {
    const message = JSON.parse(text);
    if (message.hello) this.#emit("hello", message.hello);
    if (message.error) this.#emit("problem", { rev: message.rev ?? this.#rev, ...message.error });
  }

  #retry() {
    this.#socket = null;
    this.#sent.clear();
    const longest = Math.min(FIRST_WAIT * 2 ** this.#failures++, LONGEST_WAIT);
    const retryMs = longest * (0.5 + Math.random() / 2); // jitter: many tabs must not return at the same moment
    this.#emit("link", { state: "waiting", retryMs });
    this.#timer = setTimeout(() => this.start(), retryMs);
  }

  /**
   * @param {string} type
   * @param {unknown} [detail]
   */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
