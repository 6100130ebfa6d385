/** The place beside the picture: the setup column by default, one panel at a time instead of it. */

import { $, elementOf } from "../elements/dom.js";

/** A dialog beside the picture; a sheet from below on narrow screens. The sliders stay usable beside it. */
export class Dock {
  /** @type {string | null} the name of the open panel */
  open = null;
  /** @type {Map<string, () => unknown>} */
  #loaders = new Map();
  #attempt;

  /** @param {Page["attempt"]} attempt */
  constructor(attempt) {
    this.#attempt = attempt;
    for (const button of openers()) button.addEventListener("click", () => this.toggle(button.dataset.panel ?? ""));
    for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => this.close());
    document.addEventListener("keydown", (event) => {
      const inside = elementOf(event).closest("[data-dock]");
      if (event.key === "Escape" && this.open && inside) this.close();
    });
  }

  /**
   * Call `load` whenever the panel of that name opens.
   * @param {string} name
   * @param {() => unknown} load
   */
  register(name, load) {
    this.#loaders.set(name, load);
  }

  /** @param {string} name */
  toggle(name) {
    const again = name === this.open;
    this.close();
    if (again) return;
    this.open = name;
    document.body.dataset.open = name;
    const panel = $(`[data-dock="${name}"]`);
    if (panel instanceof HTMLDialogElement) panel.show();
    /** @type {HTMLElement | null} */ (panel.querySelector("h2[tabindex]"))?.focus();
    this.#mark();
    const load = this.#loaders.get(name);
    if (load) this.#attempt(load);
  }

  close() {
    if (!this.open) return;
    const panel = $(`[data-dock="${this.open}"]`);
    const hadFocus = panel.contains(document.activeElement);
    if (panel instanceof HTMLDialogElement) panel.close();
    delete document.body.dataset.open;
    const opener = $(`[data-panel="${this.open}"]`);
    this.open = null;
    this.#mark();
    if (hadFocus) opener.focus();
  }

  #mark() {
    for (const button of openers()) button.ariaExpanded = String(button.dataset.panel === this.open);
  }
}

/** @returns {Iterable<HTMLElement>} */
const openers = () => document.querySelectorAll("[data-panel]");
