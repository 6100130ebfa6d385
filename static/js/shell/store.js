/** The state of the page: one frozen object, replaced as a whole, with listeners for named parts of it. */

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
