/** Playing a walk: where the playhead is in real time. */

/** Emits `move` whenever the playhead goes somewhere, `play` when playing starts or stops, `jump` when it comes round. */
export class Transport extends EventTarget {
  #at = 0;
  #length = 0;
  #repeats = true;
  #playing = false;
  #since = 0;
  #from = 0;
  /** @type {(run: (now: number) => void) => unknown} */
  #tick;

  constructor(tick = (/** @type {FrameRequestCallback} */ run) => requestAnimationFrame(run)) {
    super();
    this.#tick = tick;
  }

  get at() {
    return this.#at;
  }

  get playing() {
    return this.#playing;
  }

  /**
   * Play over so many seconds of film, again and again or once.
   * @param {{seconds: number, repeats: boolean}} parts
   */
  set film({ seconds, repeats }) {
    [this.#length, this.#repeats] = [seconds, repeats];
    if (!seconds) this.stop();
  }

  /**
   * Go to a time of the film; while playing, go on from there.
   * @param {number} at
   */
  seek(at) {
    this.#at = Math.max(0, at);
    [this.#since, this.#from] = [performance.now(), this.#at];
    this.#tell("move");
    if (this.#playing) this.#tell("jump");
  }

  toggle() {
    if (this.#playing) this.stop();
    else this.start();
  }

  start() {
    if (this.#playing || !this.#length) return;
    if (this.#at >= this.#length - 0.02) this.#at = 0;
    [this.#playing, this.#since, this.#from] = [true, performance.now(), this.#at];
    this.#tell("play");
    this.#tick((now) => this.#step(now));
  }

  stop() {
    if (!this.#playing) return;
    this.#playing = false;
    this.#tell("play");
  }

  /** @param {number} now */
  #step(now) {
    if (!this.#playing) return;
    const gone = this.#from + Math.max(0, now - this.#since) / 1000;
    const ended = gone >= this.#length && !this.#repeats;
    const before = this.#at;
    this.#at = ended ? this.#length : gone % this.#length;
    this.#tell("move");
    if (this.#at < before) this.#tell("jump");
    if (ended) return this.stop();
    this.#tick((next) => this.#step(next));
  }

  /** @param {string} type */
  #tell(type) {
    this.dispatchEvent(new Event(type));
  }
}
