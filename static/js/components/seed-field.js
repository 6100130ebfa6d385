/** <seed-field>: the seed as a number, with steps and a dice. */

import { LARGEST_SEED } from "../edit.js";
import { h, iconButton } from "../dom.js";

/** Emits `change` with {seed}, and `roll` for any other one. */
export class SeedField extends HTMLElement {
  #field = h("input", { type: "text", inputMode: "numeric", id: "seed", autocomplete: "off", spellcheck: false });
  #mixed = h("p", { className: "fine", hidden: true });
  #dice = iconButton("dice", "Roll", { showName: true, title: "Another seed (R)" });
  #base = null;
  #typing = false;

  set base(base) {
    this.#base = base;
    this.#mixed.hidden = !base.seeds && !base.latent;
    this.#mixed.textContent = base.latent
      ? "This picture was brought in; a seed replaces it."
      : "This picture mixes several seeds; a new one replaces the mix.";
    if (!this.#typing) this.#write();
  }

  connectedCallback() {
    if (this.childElementCount) return;
    const label = h("label", { htmlFor: "seed", className: "field-name" }, "Seed");
    this.append(label, h("div", { className: "row" }, this.#field, this.#dice), this.#mixed);
    this.#dice.addEventListener("click", () => this.dispatchEvent(new Event("roll")));
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
      this.#choose(String(Math.min(Math.max((this.#base.seed ?? 0) + by, 0), LARGEST_SEED)));
    });
  }

  #choose(text) {
    const seed = Number(text);
    if (/^\d+$/.test(text) && seed <= LARGEST_SEED) {
      this.dispatchEvent(new CustomEvent("change", { detail: { seed } }));
      return;
    }
    const detail = `A seed is a whole number from 0 to ${LARGEST_SEED}.`;
    this.dispatchEvent(new CustomEvent("remark", { detail, bubbles: true }));
    this.#write();
  }

  #write() {
    this.#field.value = this.#base?.seeds ? Object.keys(this.#base.seeds).join(" + ") : (this.#base?.seed ?? "");
  }
}

customElements.define("seed-field", SeedField);
