/** The state of the page: one frozen object, replaced as a whole, with listeners for named parts of it. */

import { EMPTY } from "../walk/walk.js";

const OUTPUT = "latentwalk.output";

export class Store extends EventTarget {
  #state;

  /** @param {State} initial */
  constructor(initial) {
    super();
    this.#state = Object.freeze({ ...initial });
  }

  get state() {
    return this.#state;
  }

  /**
   * Replace the state by a copy with `changes`.
   * @param {Partial<State>} changes
   */
  set(changes) {
    const before = this.#state;
    this.#state = Object.freeze({ ...before, ...changes });
    const names = /** @type {(keyof State)[]} */ (Object.keys(changes)).filter((name) => before[name] !== changes[name]);
    if (names.length) this.dispatchEvent(new CustomEvent("change", { detail: new Set(names) }));
  }

  /**
   * Call `listener(state)` now, and again whenever one of `names` was replaced.
   * @param {(keyof State)[]} names
   * @param {(state: State) => unknown} listener
   * @param {{signal?: AbortSignal}} [parts]
   */
  watch(names, listener, { signal } = {}) {
    listener(this.#state);
      /** @param {Event} event */
    const heard = (event) => {
      const changed = /** @type {CustomEvent<Set<keyof State>>} */ (event).detail;
      if (names.some((name) => changed.has(name))) listener(this.#state);
    };
    this.addEventListener("change", heard, { signal });
  }
}

/** @returns {State} */
export function initialState() {
  return {
    generators: [],
    directions: [],
    damaged: [],
    edit: null,
    activeSlider: null,
    comparing: false,
    walk: EMPTY,
    chosen: null,
    visiting: false,
    timeline: false,
    swaying: new Set(),
    output: storedOutput(),
    link: "connecting",
    mode: null,
    device: "",
    problem: null,
    jobs: [],
    exports: [],
  };
}

/**
 * Remember the export settings for the next visit.
 * @param {import("./store.js").Store} store
 */
export function keepOutput(store) {
  store.watch(["output"], ({ output }) => localStorage.setItem(OUTPUT, JSON.stringify(output)));
}

/** @returns {Output} */
function storedOutput() {
  const usual = { format: "mp4", fps: 30, size: 512, quality: "good" };
  try {
    return { ...usual, ...JSON.parse(localStorage.getItem(OUTPUT) ?? "{}") };
  } catch {
    return usual;
  }
}
