/** <amount-slider>: a native range input in the unit's coordinate, with its measured limits and an editable amount. */

import { amountAt, clamp, coordinate, describe, parseAmount, spoken, tidy } from "./units.js";
import { freshId, h, iconButton } from "../elements/dom.js";
import { explain } from "../elements/tips.js";
import { Component } from "../elements/component.js";

const SNAP = 0.014; // share of the track around neutral within which a dragged thumb snaps to neutral

/** Emits `input` while dragged and `change` when let go or stepped; read `amount` then. */
export class AmountSlider extends Component {
  /** @type {SliderConfig} */
  #config;
  #amount = 0;
  #dragged = false;
  #range = h("input", { type: "range", step: "any" });
  #label = h("label", { className: "slider-name" });
  #field = h("input", { type: "text", inputMode: "decimal", className: "amount", autocomplete: "off", spellcheck: false });
  /** @type {HTMLButtonElement} */
  #reset = iconButton("reset", "Reset", { className: "button icon-only reset", onclick: () => this.#neutral() });
  /** @type {HTMLElement} */
  #rail = h(
    "div",
    { className: "rail" },
    h("span", { className: "zero" }),
    h("span", { className: "fill" }),
    this.#range,
  );

  /** {name, unit, track, range, step}: step is in coordinates. Set once, before `amount`. */
  set config(config) {
    this.#config = config;
    const { name, unit, track, range } = config;
    const [low, high] = track.map((end) => coordinate(unit, end));
    this.#label.textContent = name;
    Object.assign(this.#range, { min: low, max: high, id: freshId("slider") });
    this.#label.htmlFor = this.#range.id;
    this.#field.setAttribute("aria-label", `${name}, amount`);
    this.#reset.setAttribute("aria-label", `Reset ${name}`);
    this.#reset.title = `Reset to ${describe(unit, unit.neutral)} (Delete)`;
    this.#place("--from", coordinate(unit, range[0]));
    this.#place("--to", coordinate(unit, range[1]));
    this.#place("--zero", 0);
    this.#rail.classList.toggle("limited-low", range[0] > track[0]);
    this.#rail.classList.toggle("limited-high", range[1] < track[1]);
  }

  get config() {
    return this.#config;
  }

  get amount() {
    return this.#amount;
  }

  set amount(amount) {
    const { unit } = this.#config;
    const position = coordinate(unit, amount);
    this.#amount = amount;
    this.#range.value = String(position);
    this.#range.setAttribute("aria-valuetext", this.#inWords());
    if (document.activeElement !== this.#field) this.#write();
    this.#reset.disabled = Math.abs(position) < 1e-9;
    this.classList.toggle("moved", !this.#reset.disabled);
    this.classList.toggle("past", this.#past() !== null);
    this.#place("--at", position);
  }

  /** @param {string} text an explanation of the name */
  set about(text) {
    for (const one of [this.#label, this.#range]) explain(one, text);
  }

  /** @param {string} id */
  set describedBy(id) {
    this.#range.setAttribute("aria-describedby", id);
  }

  focus() {
    this.#range.focus();
  }

  build() {
    this.append(this.#label, this.#rail, this.#field, this.#reset);
    this.#range.addEventListener("pointerdown", () => (this.#dragged = true));
    this.#range.addEventListener("pointerup", () => (this.#dragged = false));
    for (const type of ["input", "change"]) {
      this.#range.addEventListener(type, () => (this.amount = this.#fromThumb()));
    }
    this.#range.addEventListener("keydown", (event) => this.#step(event));
    this.#range.addEventListener("dblclick", () => this.#neutral());
    this.#field.addEventListener("focus", () => this.#field.select());
    this.#field.addEventListener("mousedown", (event) => {
      if (document.activeElement === this.#field) return;
      event.preventDefault(); // the press would put the caret into what focus selects
      this.#field.focus();
    });
    this.#field.addEventListener("input", (event) => event.stopPropagation());
    this.#field.addEventListener("keydown", ({ key }) => key === "Escape" && this.#restore());
    this.#field.addEventListener("change", (event) => this.#typed(event));
    this.#field.addEventListener("blur", () => this.#write());
  }

  /** @returns {[number, number]} */
  get #ends() {
    return [Number(this.#range.min), Number(this.#range.max)];
  }

  #fromThumb() {
    const { unit, track } = this.#config;
    const [low, high] = this.#ends;
    let position = Number(this.#range.value);
    if (this.#dragged && Math.abs(position) < SNAP * (high - low)) position = 0;
    return clamp(tidy(unit, amountAt(unit, position)), ...track);
  }

  /** @param {KeyboardEvent} event */
  #step(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const { step } = this.#config;
    const [low, high] = this.#ends;
    /** @type {Record<string, number>} */
    const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
    /** @type {Record<string, number>} */
    const places = { Home: low, End: high, Delete: 0, Backspace: 0 };
    const [by, to] = [steps[event.key], places[event.key]];
    if (by === undefined && to === undefined) return;
    event.preventDefault();
    this.#set(to ?? Math.round(Number(this.#range.value) / step + (by ?? 0)) * step);
  }

  #neutral() {
    this.#set(0);
    this.#range.focus();
  }

  /** @param {number} position */
  #set(position) {
    this.#range.value = String(clamp(position, ...this.#ends));
    this.amount = this.#fromThumb();
    this.tell("input");
    this.tell("change");
  }

  /** @param {Event} event */
  #typed(event) {
    event.stopPropagation();
    const { name, unit, track } = this.#config;
    const typed = parseAmount(this.#field.value, unit);
    if (typed === null) {
      this.remark(
        `“${this.#field.value}” is not a valid amount for ${name}. Enter a number such as ${describe(unit, track[1])}.`,
      );
      return this.#restore();
    }
    const amount = clamp(typed, ...track);
    if (amount !== typed) this.remark(`${name} ranges from ${describe(unit, track[0])} to ${describe(unit, track[1])}.`);
    this.#field.value = describe(unit, amount);
    this.#set(coordinate(unit, amount));
    if (document.activeElement === this.#field) this.#field.select(); // the next digit replaces the amount
  }

  #write() {
    this.#field.value = describe(this.#config.unit, this.#amount);
  }

  #restore() {
    this.#write();
    this.#field.select();
  }

  #past() {
    const { range } = this.#config;
    if (this.#amount < range[0]) return range[0];
    return this.#amount > range[1] ? range[1] : null;
  }

  #inWords() {
    const { name, unit, verdict } = this.#config;
    const words = `${name}, ${spoken(unit, this.#amount)}`;
    const past = this.#past();
    if (past === null) return words;
    const limit = verdict === "unmeasured" ? "the usual limit of" : "the measured limit of";
    return `${words}, past ${limit} ${spoken(unit, past)}`;
  }

  /**
   * @param {string} property
   * @param {number} position
   */
  #place(property, position) {
    const [low, high] = this.#ends;
    this.#rail.style.setProperty(property, String((position - low) / (high - low)));
  }
}

customElements.define("amount-slider", AmountSlider);
