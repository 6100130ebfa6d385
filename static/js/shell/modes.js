/** Modes: other ways to look at the latents than one picture. Their code is loaded when a mode is first opened. */

import { $, button, h, icon } from "../elements/dom.js";
import { roving } from "../elements/roving.js";

/** @type {readonly Mode[]} */
export const MODES = Object.freeze([
  {
    id: "wall",
    key: "g",
    name: "Wall",
    icon: "wall",
    about: "Many seeds under the same sliders",
    style: "static/css/modes/wall.css",
    load: () => import("../modes/wall.js"),
  },
]);

/** Has one mode open at a time, in the place of the picture; `state.mode` is the open one's id, or null. */
export class Modes {
  /** @type {OpenMode | null} */
  #open = null;
  /** @type {Page} */ #page;
  #host = $("#mode");
  #choices = $("#modes");

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
    this.#choices.hidden = !MODES.length;
    this.#choices.append(
      this.#choice(null, "picture", "Picture", "One picture"),
      ...MODES.map((mode) => this.#choice(mode.id, mode.icon, mode.name, `${mode.about} (${mode.key.toUpperCase()})`)),
    );
    roving(this.#choices, "button");
    page.store.watch(["mode"], ({ mode }) => {
      for (const one of this.#choices.querySelectorAll("button")) one.ariaPressed = String(one.dataset.mode === (mode ?? ""));
    });
  }

  /** What shows frames in place of the picture: the open mode, if it does. */
  get view() {
    const shown = this.#open;
    return shown && "show" in shown ? /** @type {Required<OpenMode>} */ (shown) : null;
  }

  /**
   * Open a mode; the one that is open already closes instead.
   * @param {string} id
   */
  toggle(id) {
    return this.show(this.#page.store.state.mode === id ? null : id);
  }

  /**
   * Open a mode, or show the picture again (null).
   * @param {string | null} id
   */
  async show(id) {
    const mode = MODES.find((one) => one.id === id);
    this.#open?.close();
    this.#open = null;
    this.#host.replaceChildren();
    this.#host.hidden = !mode;
    this.#page.store.set({ mode: mode?.id ?? null });
    $("#picture").toggleAttribute("data-mode", Boolean(mode));
    if (!mode) return;
    const [{ open }] = await Promise.all([mode.load(), addStyle(mode.style)]);
    if (this.#page.store.state.mode !== id || this.#open) return; // another was asked for meanwhile
    this.#open = open(this.#page, this.#host);
  }

  /**
   * @param {string | null} id
   * @param {string} picture
   * @param {string} name
   * @param {string} title
   */
  #choice(id, picture, name, title) {
    const show = () => this.#page.attempt(() => this.show(id));
    return button(icon(picture), { title, "aria-label": name, "data-mode": id ?? "", onclick: show }, h("span", {}, name));
  }
}

/**
 * Load a stylesheet once, and wait for it.
 * @param {string} href relative to the page
 */
export function addStyle(href) {
  if (document.querySelector(`link[href="${CSS.escape(href)}"]`)) return Promise.resolve();
  const { promise, resolve, reject } = Promise.withResolvers();
  const failed = () => reject(new Error("A part of the page could not be loaded. Check the connection and try again."));
  document.head.append(h("link", { rel: "stylesheet", href, onload: resolve, onerror: failed }));
  return promise;
}
