/** <rating-panel>: pictures rated by hand, 1 to 5 or the better of two, until there are enough to learn an attribute. */

import { thumbnail } from "../picture/thumbnails.js";
import { choice, field, nameInput, onSubmit, radio, submit } from "../elements/form.js";
import { button, h } from "../elements/dom.js";
import { Component } from "../elements/component.js";

const ENOUGH = 12;
const LARGEST = 1_000_000;
const SIZE = 512; // the stage is that large; the server enlarges nothing

/**
 * Emits `rated` {name, title, ratings | picks, card} and, with what is to stand on the stage, `present` (an element or
 * null), both bubbling. Keys 1 to 5 rate, left and right pick.
 */
export class RatingPanel extends Component {
  /** @type {Edit | null} */
  #edit = null;
  #way = "rate";
  /** @type {Rating[]} */
  #shown = [];
  /** @type {(Rating & {score: number})[]} */
  #ratings = [];
  /** @type {{better: Rating, worse: Rating}[]} */
  #picks = [];
  #pictures = h("div", { className: "rating-pictures", role: "group", "aria-label": "Pictures to rate" });
  #buttons = h("div", { className: "rating-buttons", role: "group", "aria-label": "Your rating" });
  #count = h("p", { className: "fine", role: "status" });
  #name = nameInput("rating-name", "my_taste");
  #measures = h("input", { id: "rating-measures", type: "text", maxLength: 200, required: true });
  #begin = button("Start rating", { className: "button outlined" });
  #make = submit("Learn an attribute from these");
  #area = h("div", { className: "stack", hidden: true, tabIndex: -1 });

  /**
   * The current edit: the pictures to rate are other seeds of its generator and classes.
   * @param {Edit | null} edit
   */
  set edit(edit) {
    if (edit && this.#edit && edit.generator !== this.#edit.generator) {
      this.#ratings = [];
      this.#picks = [];
    }
    if (edit !== this.#edit) this.#stop(); // whoever moves a slider wants to see what it does
    this.#edit = edit;
  }

  build() {
    const way = choice("Method", radio("way", "rate", "1 to 5", true), radio("way", "pick", "Better of two", false));
    const form = h(
      "form",
      { className: "stack" },
      field("What you are rating", this.#measures),
      field("Name of the attribute", this.#name),
      this.#make,
    );
    this.#make.disabled = true;
    const stop = button("Stop rating", { className: "button outlined", onclick: () => this.#stop() });
    this.#area.append(this.#buttons, this.#count, stop);
    this.append(way, this.#begin, this.#area, form);
    way.addEventListener("change", (event) => {
      this.#way = /** @type {HTMLInputElement} */ (event.target).value;
      if (!this.#area.hidden) this.#next();
    });
    this.#begin.addEventListener("click", () => this.#start());
    for (const one of [this.#area, this.#pictures]) one.addEventListener("keydown", (event) => this.#pressed(event));
    this.closest("dialog")?.addEventListener("close", () => this.#stop());
    onSubmit(form, () => {
      const rated = this.#way === "rate" ? { ratings: this.#ratings } : { picks: this.#picks };
      const card = { measures: this.#measures.value, source: "Rated on this page.", licence: "The rater's own." };
      this.tell("rated", { name: this.#name.value, card, ...rated });
    });
  }

  #start() {
    this.#area.hidden = false;
    this.#begin.hidden = true;
    this.#next();
    this.tell("present", this.#pictures);
    this.#area.focus();
  }

  // What was rated so far stays.
  #stop() {
    if (this.#area.hidden) return;
    const hadFocus = this.#area.contains(document.activeElement) || this.#pictures.contains(document.activeElement);
    this.tell("present", null);
    this.#area.hidden = true;
    this.#begin.hidden = false;
    this.#begin.textContent = this.#ratings.length + this.#picks.length ? "Continue rating" : "Start rating";
    if (hadFocus) this.#begin.focus();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (this.#way === "rate" && /^[1-5]$/.test(event.key)) this.#rate(Number(event.key));
    else if (this.#way === "pick" && event.key === "ArrowLeft") this.#pick(0);
    else if (this.#way === "pick" && event.key === "ArrowRight") this.#pick(1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} score */
  #rate(score) {
    const [shown] = this.#shown;
    if (shown) this.#ratings.push({ ...shown, score });
    this.#next();
  }

  /** @param {0 | 1} better */
  #pick(better) {
    const [left, right] = this.#shown;
    if (left && right) this.#picks.push(better === 0 ? { better: left, worse: right } : { better: right, worse: left });
    this.#next();
  }

  #next() {
    const count = this.#way === "rate" ? 1 : 2;
    const { classes = {} } = this.#edit ?? {};
    this.#shown = Array.from({ length: count }, () => ({ seed: Math.floor(Math.random() * LARGEST), classes }));
    this.#pictures.replaceChildren(...this.#shown.map((one, index) => this.#picture(one, index)));
    const scores = [1, 2, 3, 4, 5].map((score) => {
      const made = button(String(score), { className: "button outlined" });
      made.addEventListener("click", () => {
        this.#rate(score);
        /** @type {HTMLElement} */ (this.#buttons.children[score - 1]).focus();
      });
      return made;
    });
    this.#buttons.replaceChildren(...(this.#way === "rate" ? scores : []));
    const done = this.#way === "rate" ? this.#ratings.length : this.#picks.length;
    const [one, more] = this.#way === "rate" ? ["picture rated", "pictures rated"] : ["pair compared", "pairs compared"];
    this.#count.textContent = `${done} ${done === 1 ? one : more}${done < ENOUGH ? ` of at least ${ENOUGH}; 40 or more give a better slider` : ""}.`;
    this.#make.disabled = done < ENOUGH;
  }

  /**
   * @param {Rating} rating
   * @param {number} index
   */
  #picture({ seed, classes }, index) {
    const edit = { .../** @type {Edit} */ (this.#edit), base: { seed }, classes, amounts: {}, hold: [], layers: {} };
    const image = thumbnail(edit, SIZE, { alt: this.#way === "rate" ? `Seed ${seed}` : "" });
    if (this.#way === "rate") return image;
    const side = index === 0 ? "left" : "right";
    const better = button(image, { className: "rating-pick", "aria-label": `The ${side} one is better` });
    better.addEventListener("click", () => {
      this.#pick(index === 0 ? 0 : 1);
      /** @type {HTMLElement} */ (this.#pictures.children[index]).focus();
    });
    return better;
  }
}

customElements.define("rating-panel", RatingPanel);
