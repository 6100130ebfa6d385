/** Sways sliders by themselves: each goes to and fro over its measured range until it is stopped or touched. */

import { amountOf, onTrack, withAmount } from "../picture/edit.js";
import { amountAt, clamp, coordinate, tidy } from "./units.js";

const PERIODS = [6, 8.5, 11, 7, 9.5]; // seconds; sliders that sway together do not do so in step
const LONGEST_STEP = 0.1; // seconds: after a pause, such as a hidden tab, a slider goes on from where it was

/** Keeps `state.swaying`, the ids of the sliders that sway. What a slider came to is one step of the history. */
export class Sway {
  /** @type {Map<string, {phase: number, period: number}>} */
  #phases = new Map();
  #session;
  #store;
  #before = 0;
  #count = 0;

  /** @param {Pick<Page, "session" | "store">} parts */
  constructor({ session, store }) {
    this.#session = session;
    this.#store = store;
    store.watch(["directions"], () => {
      for (const id of this.#phases.keys()) if (!session.direction(id)) this.#phases.delete(id);
      this.#tell();
    });
  }

  /** Whether any slider sways. */
  get active() {
    return this.#phases.size > 0;
  }

  /** @param {string} id */
  toggle(id) {
    if (this.#phases.has(id)) this.stop(id);
    else this.start(id);
  }

  /**
   * Sway a slider from where it is.
   * @param {string} id
   */
  start(id) {
    const direction = this.#session.direction(id);
    if (!direction || this.#phases.has(id)) return;
    const [low, high] = ends(direction);
    const at = coordinate(direction.unit, amountOf(this.#session.edit, direction));
    const phase = Math.asin(clamp((2 * at - low - high) / (high - low || 1), -1, 1));
    const idle = !this.active;
    this.#phases.set(id, { phase, period: PERIODS[this.#count++ % PERIODS.length] ?? 6 });
    this.#store.set({ activeSlider: id });
    this.#tell();
    if (!idle) return;
    this.#before = performance.now();
    requestAnimationFrame((now) => this.#tick(now));
  }

  /**
   * Stop a slider, or all of them, where they are.
   * @param {string} [id]
   */
  stop(id) {
    const stopped = id === undefined ? [...this.#phases.keys()] : [id].filter((one) => this.#phases.has(one));
    if (!stopped.length) return;
    for (const one of stopped) this.#phases.delete(one);
    this.#tell();
    const names = stopped.map((one) => this.#session.direction(one)?.name).join(", ");
    this.#session.commit(this.#session.edit, { label: `Played ${names}` });
  }

  /**
   * Leave a slider to the person who has touched it; what they do with it is the step of the history.
   * @param {string} id
   */
  release(id) {
    if (this.#phases.delete(id)) this.#tell();
  }

  /** @param {number} now */
  #tick(now) {
    if (!this.active) return;
    const gone = clamp((now - this.#before) / 1000, 0, LONGEST_STEP);
    this.#before = now;
    let next = this.#session.edit;
    for (const [id, swaying] of this.#phases) {
      const direction = this.#session.direction(id);
      if (!direction) continue;
      swaying.phase += (2 * Math.PI * gone) / swaying.period;
      const [low, high] = ends(direction);
      const position = (low + high + (high - low) * Math.sin(swaying.phase)) / 2;
      next = withAmount(next, direction, onTrack(direction, tidy(direction.unit, amountAt(direction.unit, position))));
    }
    this.#session.preview(next);
    requestAnimationFrame((later) => this.#tick(later));
  }

  #tell() {
    this.#store.set({ swaying: new Set(this.#phases.keys()) });
  }
}

/**
 * The ends of a slider's measured range, in coordinates.
 * @param {Direction} direction
 * @returns {[number, number]}
 */
function ends({ unit, range }) {
  return [coordinate(unit, range[0]), coordinate(unit, range[1])];
}
