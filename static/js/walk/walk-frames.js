/** The frames of a walk before it is exported: the edit of every moment, as the server calculates it. */

const QUIET = 120; // ms without a change before they are asked for
const RATE = 30; // moments a second
const MOST = 600; // moments in one answer; a longer film is known roughly, and exactly around the playhead
const AHEAD = 4; // seconds that are to be known before the playhead
const BEHIND = 1;
const KEPT = 4; // answers

/** Emits `wait`, perhaps `rough` when frames at another pace can be shown, then `ready` or `problem` with the error. */
export class WalkFrames extends EventTarget {
  #api;
  /** @type {{timeline: Timeline, seconds: number} | null} */
  #film = null;
  /** @type {{start: number, stop: number, times: number[], edits: EditParts[]}[]} */
  #parts = [];
  #timer = 0;
  #stale = new AbortController();
  #closer = false;
  #exact = false;
  #key = "";

  /** @param {Page["api"]} api */
  constructor(api) {
    super();
    this.#api = api;
  }

  /**
   * Follow a timeline of `seconds`; null forgets the one before. Until the new ones come, the old are shown.
   * @param {Timeline | null} timeline
   * @param {number} seconds
   */
  follow(timeline, seconds) {
    const key = timeline ? JSON.stringify(timeline) : "";
    if (key === this.#key) return;
    this.#key = key;
    this.#film = timeline && { timeline, seconds };
    this.#closer = false;
    clearTimeout(this.#timer);
    this.#stale.abort();
    this.#stale = new AbortController();
    if (!timeline) {
      this.#parts = [];
      this.dispatchEvent(new Event("ready"));
      return;
    }
    this.dispatchEvent(new Event("wait"));
    this.#timer = setTimeout(() => this.#askAll(timeline, seconds), QUIET);
  }

  // An even pace takes seconds to be measured; until it is known, the walk plays as it is timed.
  /**
   * @param {Timeline} timeline
   * @param {number} seconds
   */
  #askAll(timeline, seconds) {
    const whole = { start: 0, stop: seconds };
    const { signal } = this.#stale;
    this.#exact = false;
    this.#ask(whole, () => {
      this.#exact = true;
      this.#parts = [];
    });
    if (timeline.speed !== "even") return;
    const count = Math.min(MOST, Math.max(2, Math.round(seconds * RATE)));
    this.#api.walkEdits({ timeline: { ...timeline, speed: "timed" }, count, ...whole }, signal).then(
      ({ edits, times }) => {
        if (signal.aborted || this.#exact) return;
        this.#parts = [{ ...whole, times, edits: edits.map(([first]) => first) }];
        this.dispatchEvent(new Event("rough"));
      },
      () => {}, // the exact answer says what is wrong
    );
  }

  /** Ask again, where the last answer was a failure. */
  retry() {
    if (!this.#parts.length) this.#key = "";
  }

  /**
   * The edit of the frame shown at a time of the film; null while none is known.
   * @param {number} seconds
   */
  at(seconds) {
    const part = this.#parts.findLast(({ start, stop }) => seconds >= start && seconds <= stop) ?? this.#parts[0];
    if (!part) return null;
    const next = part.times.findIndex((time) => time > seconds + 1e-6);
    return part.edits.at(next < 0 ? -1 : Math.max(0, next - 1));
  }

  /**
   * Have every frame around a time of a long film before the playhead is there.
   * @param {number} at
   */
  near(at) {
    const end = this.#film?.seconds ?? 0;
    if (end * RATE <= MOST || this.#closer || !this.#exact || !this.#parts.length) return;
    const [from, to] = [Math.max(0, at), Math.min(end, at + AHEAD)];
    if (this.#parts.some(({ start, stop }, index) => index && start <= from && stop >= to)) return;
    this.#closer = true;
    const start = Math.max(0, at - BEHIND);
    this.#ask({ start, stop: Math.min(end, start + MOST / RATE) }, () => this.#parts.splice(1, this.#parts.length - KEPT));
  }

  /**
   * @param {{start: number, stop: number}} parts
   * @param {() => unknown} make
   */
  async #ask({ start, stop }, make) {
    if (!this.#film) return;
    const { timeline } = this.#film;
    const { signal } = this.#stale;
    const count = Math.min(MOST, Math.max(2, Math.round((stop - start) * RATE)));
    try {
      const { edits, times } = await this.#api.walkEdits({ timeline, count, start, stop }, signal);
      if (signal.aborted) return;
      make();
      this.#parts.push({ start, stop, times, edits: edits.map(([first]) => first) });
      this.#closer = false;
      this.dispatchEvent(new Event("ready"));
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
      [this.#key, this.#closer] = ["", false];
      this.dispatchEvent(new CustomEvent("problem", { detail: error }));
    }
  }
}
