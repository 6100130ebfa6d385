/** The pictures of a walk before it is a film: the edit of every moment, as the server's timeline says it. */

const QUIET = 120; // ms without a change before they are asked for
const RATE = 30; // moments a second
const MOST = 600;

/** Emits `wait`, then `ready` when the edits of the newest timeline are there or `trouble` with the error. */
export class Frames extends EventTarget {
  #api;
  #edits = [];
  #times = [];
  #timer = 0;
  #stale = null;
  #key = "";

  constructor(api) {
    super();
    this.#api = api;
  }

  /** Follow a timeline of `seconds`; null forgets the one before. Until the new ones come, the old are shown. */
  follow(timeline, seconds) {
    const key = timeline ? JSON.stringify(timeline) : "";
    if (key === this.#key) return;
    this.#key = key;
    clearTimeout(this.#timer);
    this.#stale?.abort();
    if (!timeline) {
      this.#edits = this.#times = [];
      this.dispatchEvent(new Event("ready"));
      return;
    }
    const count = Math.min(MOST, Math.max(2, Math.round(seconds * RATE)));
    this.dispatchEvent(new Event("wait"));
    this.#timer = setTimeout(() => this.#ask(timeline, count), QUIET);
  }

  /** Ask again, where the last answer was a failure. */
  retry() {
    this.#key = "";
  }

  /** The edit on show at a time of the film, that of its frame; null where none is known yet. */
  at(seconds) {
    const next = this.#times.findIndex((time) => time > seconds + 1e-6);
    return this.#edits.at(next < 0 ? -1 : next - 1) ?? null;
  }

  async #ask(timeline, count) {
    this.#stale = new AbortController();
    const { signal } = this.#stale;
    try {
      const { edits, times } = await this.#api.walkEdits({ timeline, count }, signal);
      if (signal.aborted) return;
      this.#edits = edits.map(([first]) => first);
      this.#times = times;
      this.dispatchEvent(new Event("ready"));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.retry();
      this.dispatchEvent(new CustomEvent("trouble", { detail: error }));
    }
  }
}
