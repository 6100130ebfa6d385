/** <presets-dialog>: preset walks, each with the few numbers it needs. */

import { freshId, h } from "../elements/dom.js";
import { Modal } from "../elements/component.js";
import { field, number, options, radio, submit } from "../elements/form.js";

/** Emits `make` {id, title, request} for the preset chosen. */
export class PresetsDialog extends Modal {
  #form = h("form", { className: "stack", method: "dialog" });
  #kinds = h("div");
  #about = h("p", { className: "fine" });
  #seconds = number(freshId("preset"), 1, 600, 8, 0.5);
  #seeds = number(freshId("preset"), 2, 64, 5);
  #slider = h("select", { id: freshId("preset") });
  #from = h("select", { id: freshId("preset") });
  #to = h("select", { id: freshId("preset") });
  #fields = {
    seeds: field("Seeds", this.#seeds),
    direction: field("Slider", this.#slider),
    classes: h("div", { className: "pair" }, field("From", this.#from), field("To", this.#to)),
  };
  /** @type {Preset[]} */
  #presets = [];
  /** @type {Edit | undefined} */
  #edit;
  #sliders = 0;

  /**
   * Open it for an edit; `activeSlider` is offered first. Presets that the generator does not support are left out.
   * @param {{edit: Edit, generator: ImageGenerator, directions: Direction[], activeSlider: string | null, presets: Preset[]}} parts
   */
  open({ edit, generator, directions, activeSlider, presets }) {
    this.#edit = edit;
    this.#sliders = directions.length;
    const { classes } = generator;
    /** @type {Record<string, boolean>} */
    const can = { classes: classes.length > 1, direction: directions.length > 0 };
    this.#presets = presets.filter(({ id, needs }) => {
      return needs.every((need) => can[need] ?? true) && (id !== "tour" || Boolean(can.direction));
    });
    this.#slider.replaceChildren(...options(directions.map(({ id, name }) => [id, name]), activeSlider));
    for (const end of [this.#from, this.#to]) end.replaceChildren(...options(classes.map((name) => [name, name])));
    this.#to.selectedIndex = Math.min(1, classes.length - 1);
    this.#kinds.replaceChildren(...this.#presets.map(({ id, title }, index) => radio("preset", id, title, index === 0)));
    this.#describe();
    this.dialog.showModal();
  }

  build() {
    const kinds = h("fieldset", { className: "choice" }, h("legend", { className: "unseen" }, "Preset"), this.#kinds);
    const note = h("p", { className: "fine" }, "The preset replaces the walk on the timeline. Undo restores it.");
    this.#form.append(kinds, this.#about, ...Object.values(this.#fields), field("Seconds", this.#seconds), note, submit("Create the walk"));
    this.fill("Start from a preset", this.#form);
    kinds.addEventListener("change", () => this.#describe());
    this.#form.addEventListener("submit", () => this.#make());
    this.keepChanges();
  }

  get #preset() {
    const chosen = new FormData(this.#form).get("preset");
    const found = this.#presets.find(({ id }) => id === chosen) ?? this.#presets[0];
    if (!found) throw new Error("This generator supports no preset.");
    return found;
  }

  #describe() {
    const { id, about, needs } = this.#preset;
    this.#seconds.value = String(id === "tour" ? 2 * this.#sliders : 8);
    this.#about.textContent = about;
    for (const [need, part] of Object.entries(this.#fields)) {
      part.hidden = !needs.includes(need);
      /** @type {NodeListOf<HTMLInputElement | HTMLSelectElement>} */
      const inputs = part.querySelectorAll("input, select");
      for (const input of inputs) input.disabled = part.hidden;
    }
  }

  #make() {
    const { id, title, needs } = this.#preset;
    const all = {
      seeds: this.#seeds.valueAsNumber,
      direction: this.#slider.value,
      classes: [this.#from.value, this.#to.value],
    };
    const asked = Object.fromEntries(Object.entries(all).filter(([need]) => needs.includes(need)));
    const request = { edit: this.#edit, seconds: this.#seconds.valueAsNumber, ...asked };
    this.emit("make", { id, title, request });
  }
}

customElements.define("presets-dialog", PresetsDialog);
