/** <film-strip>: the active slider at several amounts; click a picture to set its amount. */

import { api } from "../shell/api.js";
import { canonical } from "./canonical.js";
import { amountOf, spread, withAmount } from "./edit.js";
import { coordinate, describe } from "../sliders/units.js";
import { elementOf, h, setCurrent } from "../elements/dom.js";
import { roving } from "../elements/roving.js";
import { Component } from "../elements/component.js";

const QUIET = 350; // ms without a change before pictures are asked for
const AT_ONCE = 2; // the live picture comes first
const ROOMY = 500; // px of strip
const LONGEST_UNIT = 2; // letters that have room below a picture

/** Emits `change` with {id, amount} when a picture is chosen. */
export class FilmStrip extends Component {
  #title = h("h2", { className: "strip-title" });
  #list = h("ol", { className: "frames" });
  /** @type {Direction} */
  #direction;
  /** @type {number[]} */
  #amounts = [];
  #frames = "";
  #key = "";
  #timer = 0;
  /** @type {AbortController | null} */
  #stale = null;

  /**
   * Follow an edit and the active slider. Pictures are fetched again only when anything else changed.
   * @param {Edit | null} edit
   * @param {Direction | undefined} direction
   * @param {boolean} connected
   */
  show(edit, direction, connected) {
    this.hidden = !direction;
    if (!direction || !edit) return;
    const count = this.clientWidth >= ROOMY ? 9 : 7;
    const rest = withAmount(edit, direction, direction.unit.neutral);
    const frames = `${direction.id}:${direction.range}:${direction.created}:${count}`;
    const key = `${frames}:${canonical(rest)}`;
    this.#direction = direction;
    if (this.#frames !== frames) this.#build(frames, count);
    this.#mark(amountOf(edit, direction));
    if (key === this.#key || !connected) return;
    this.#key = key;
    clearTimeout(this.#timer);
    this.#stale?.abort();
    this.#stale = new AbortController();
    const { signal } = this.#stale;
    this.#timer = setTimeout(() => this.#fetch(rest, signal), QUIET);
  }

  build() {
    this.append(this.#title, this.#list);
    roving(this.#list, "button");
    this.#list.addEventListener("click", (event) => {
      const button = elementOf(event).closest("button");
      if (!button) return;
      this.emit("change", { id: this.#direction.id, amount: this.#amounts[Number(button.dataset.index)] });
    });
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
    this.#stale?.abort();
  }

  /**
   * @param {string} signature
   * @param {number} count
   */
  #build(signature, count) {
    const direction = this.#direction;
    this.#frames = signature;
    this.#key = "";
    this.#amounts = spread(direction, count);
    const { symbol } = direction.unit;
    const long = symbol.length > LONGEST_UNIT; // said once above the pictures, where each would have it cut off
    this.#title.textContent = `${direction.name} across its range${long ? `, in ${symbol}` : ""}`;
    const texts = this.#amounts.map((amount) => describe(direction.unit, amount));
    const finer = { ...direction.unit, decimals: direction.unit.decimals + 1 };
    const unit = new Set(texts).size < texts.length ? finer : direction.unit;
    const items = this.#amounts.map((amount, index) => {
      const text = describe(unit, amount);
      const picture = h("img", { alt: "", width: 96, height: 96, draggable: false });
      const button = h(
        "button",
        { type: "button", "data-index": index, "aria-label": `${direction.name} ${text}` },
        picture,
      );
      button.append(h("span", {}, long ? describe({ ...unit, symbol: "" }, amount) : text));
      return h("li", {}, button);
    });
    this.#release();
    this.#list.replaceChildren(...items);
  }

  /** @param {number} amount */
  #mark(amount) {
    const { unit } = this.#direction;
    const places = this.#amounts.map((one) => coordinate(unit, one));
    const here = coordinate(unit, amount);
    const near = ((places.at(-1) ?? 0) - (places[0] ?? 0)) / (places.length - 1) / 2;
    for (const [index, place] of places.entries()) {
      const button = this.#list.children[index]?.firstElementChild;
      if (button) setCurrent(button, Math.abs(place - here) <= near * 1.0001);
    }
  }

  /**
   * @param {Edit} rest
   * @param {AbortSignal} signal
   */
  async #fetch(rest, signal) {
    const direction = this.#direction;
    const waiting = this.#amounts.map((amount, index) => ({
      amount,
      picture: /** @type {HTMLImageElement} */ (this.#list.children[index]?.querySelector("img")),
    }));
    this.#list.setAttribute("aria-busy", "true");
    const work = async () => {
      for (let one = waiting.shift(); one && !signal.aborted; one = waiting.shift()) {
        const blob = await api.thumbnail(withAmount(rest, direction, one.amount), signal);
        if (signal.aborted) return;
        URL.revokeObjectURL(one.picture.src);
        one.picture.src = URL.createObjectURL(blob);
      }
    };
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, work));
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "AbortError")) this.#key = ""; // asked again at the next change or when the server is back
    } finally {
      if (!signal.aborted) this.#list.removeAttribute("aria-busy");
    }
  }

  #release() {
    for (const { src } of this.#list.querySelectorAll("img")) URL.revokeObjectURL(src);
  }
}

customElements.define("film-strip", FilmStrip);
