/** <seed-field>: the seed as a number, with a button for a random one. */

import { clamp } from "../sliders/units.js";
import { spellsSeed, LARGEST_SEED, SEED_RULE } from "../picture/edit.js";
import { h, iconButton } from "../elements/dom.js";
import { Component } from "../elements/component.js";

/** Emits `change` with {seed}, and `roll` for any other one. */
export class SeedField extends Component {
  #field = h("input", { type: "text", inputMode: "numeric", id: "seed", autocomplete: "off", spellcheck: false });
  #mixed = h("p", { className: "fine", hidden: true });
  #dice = iconButton("dice", "Random", { showName: true, title: "Random seed (R)", onclick: () => this.emit("roll") });
  /** @type {Base | undefined} */
  #base;
  #typing = false;

  /** @param {Base} base */
  set base(base) {
    this.#base = base;
    this.#mixed.hidden = !base.seeds && !base.latent;
    this.#mixed.textContent = base.latent
      ? "This picture was projected from a file. Entering a seed replaces it."
      : "This picture mixes several seeds. Entering a seed replaces the mix.";
    if (!this.#typing) this.#write();
  }

  build() {
    const label = h("label", { htmlFor: "seed", className: "field-name" }, "Seed");
    this.append(label, h("div", { className: "row" }, this.#field, this.#dice), this.#mixed);
    this.#field.addEventListener("focus", () => this.#field.select());
    this.#field.addEventListener("blur", () => this.#write());
    this.#field.addEventListener("input", (event) => {
      event.stopPropagation();
      this.#typing = true;
    });
    this.#field.addEventListener("change", (event) => {
      event.stopPropagation();
      this.#typing = false;
      this.#choose(this.#field.value.trim());
    });
    this.#field.addEventListener("keydown", (event) => {
      const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      this.#typing = false;
      this.#choose(String(clamp((this.#base?.seed ?? 0) + by, 0, LARGEST_SEED)));
    });
  }

  /** @param {string} text */
  #choose(text) {
    if (spellsSeed(text)) return this.emit("change", { seed: Number(text) });
    this.remark(SEED_RULE);
    this.#write();
  }

  #write() {
    this.#field.value = String(this.#base?.seeds ? Object.keys(this.#base.seeds).join(" + ") : (this.#base?.seed ?? ""));
  }
}

customElements.define("seed-field", SeedField);
