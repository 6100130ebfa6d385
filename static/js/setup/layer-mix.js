/** <layer-mix>: what acts in which layers: truncation, the styles of another seed, the active slider. */

import { clamp } from "../sliders/units.js";
import { changed, spellsSeed, SEED_RULE } from "../picture/edit.js";
import { elementOf, h, icon } from "../elements/dom.js";
import { Component } from "../elements/component.js";
import { field, options } from "../elements/form.js";

const MEANS = { own: "the stored mean", class: "the mean of each class", all: "the mean of all classes" };

/** Emits `layers` with {edit, label}. Hidden for generators with one layer. */
export class LayerMix extends Component {
  /** @type {Edit} */
  #edit;
  #count = 1;
  /** @type {Direction | undefined} */
  #direction;
  #cutoff = number("layer-cutoff", 1);
  #mean = h("select", { id: "layer-mean" }, ...options(Object.entries(MEANS)));
  #towards = field("Truncate towards", this.#mean);
  #seed = h("input", { id: "layer-seed", type: "text", inputMode: "numeric", placeholder: "none", autocomplete: "off" });
  #styles = span("styles", "Layers of these styles");
  #acts = h("span");
  #own = span("active", "Layers of the active slider");

  /**
   * @param {Edit} edit
   * @param {ImageGenerator} generator
   * @param {Direction | undefined} direction
   */
  show(edit, generator, direction) {
    this.hidden = generator.layers < 2;
    [this.#edit, this.#count, this.#direction] = [edit, generator.layers, direction];
    if (this.hidden || this.contains(document.activeElement)) return;
    this.#towards.hidden = !generator.classes.length;
    Object.assign(this.#cutoff, { max: this.#count, value: edit.cutoff ?? "", placeholder: `all ${this.#count}` });
    this.#mean.value = edit.mean;
    const [seed, layers] = Object.entries(edit.styles)[0] ?? ["", [Math.floor(this.#count / 2), this.#count]];
    this.#seed.value = seed;
    this.#fill(this.#styles, layers);
    this.#acts.textContent = direction ? `${direction.name} acts on layers` : "";
    this.#own.hidden = this.#acts.hidden = !direction || direction.space === "s" || direction.space === "move";
    this.#fill(this.#own, (direction && (edit.layers[direction.id] ?? direction.layers)) ?? [0, this.#count]);
  }

  build() {
    const body = h(
      "div",
      { className: "stack" },
      field("Truncate only the first layers", this.#cutoff),
      this.#towards,
      field("Styles of another seed", this.#seed),
      this.#styles,
      this.#acts,
      this.#own,
    );
    this.append(h("details", { className: "mix" }, h("summary", {}, "Layers", icon("chevron")), body));
    this.addEventListener("change", (event) => this.#changed(elementOf(event)));
    this.keepChanges();
  }

  /** @param {Element} part */
  #changed(part) {
    if (part === this.#cutoff) {
      const { value, valueAsNumber } = this.#cutoff;
      const cutoff = value === "" ? null : clamp(Math.round(valueAsNumber), 1, this.#count);
      return this.#alter({ cutoff }, `Truncation in ${cutoff ?? "all"} layers`);
    }
    if (part === this.#mean) {
      const { selectedOptions, value } = this.#mean;
      return this.#alter({ mean: value }, `Truncation towards ${selectedOptions[0]?.text}`);
    }
    if (part.closest("fieldset") === this.#own && this.#direction) {
      const { id, name } = this.#direction;
      const range = this.#span(this.#own);
      return this.#alter({ layers: { ...this.#edit.layers, [id]: range } }, `${name} in layers ${range.join(" to ")}`);
    }
    const text = this.#seed.value.trim();
    if (text && !spellsSeed(text)) return this.remark(SEED_RULE);
    const seed = text && String(Number(text));
    this.#alter({ styles: seed ? { [seed]: this.#span(this.#styles) } : {} }, seed ? `Styles of seed ${seed}` : "No other styles");
  }

  /**
   * @param {Element} fields
   * @returns {Span}
   */
  #span(fields) {
    const [first = 0, last = 0] = [...fields.querySelectorAll("input")].map((one) => Math.round(one.valueAsNumber) || 0);
    const start = clamp(first, 0, this.#count - 1);
    return [start, clamp(last, start + 1, this.#count)];
  }

  /**
   * @param {Element} fields
   * @param {readonly number[]} values
   */
  #fill(fields, values) {
    fields.querySelectorAll("input").forEach((one, index) => Object.assign(one, { max: this.#count, value: values[index] }));
  }

  /**
   * @param {Partial<Edit>} changes
   * @param {string} label
   */
  #alter(changes, label) {
    this.emit("layers", { edit: changed(this.#edit, changes), label });
  }
}

/**
 * @param {string} id
 * @param {number} min
 */
function number(id, min) {
  return h("input", { id, type: "number", min, step: 1 });
}

// Two numbers: the first layer, and the one after the last.
/**
 * @param {string} name
 * @param {string} legend
 */
function span(name, legend) {
  const ends = [field("From", number(`layer-${name}-from`, 0)), field("Up to", number(`layer-${name}-to`, 1))];
  return h("fieldset", { className: "pair", "aria-label": legend }, ...ends);
}

customElements.define("layer-mix", LayerMix);
