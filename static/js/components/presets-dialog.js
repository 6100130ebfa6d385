/** <presets-dialog>: ready-made walks, each with the two or three numbers it needs. */

import { freshId, h, iconButton } from "../dom.js";
import { field, radio } from "../form.js";

/** Emits `make` {id, title, request} for the preset chosen. */
export class PresetsDialog extends HTMLElement {
  #dialog = h("dialog", { className: "modal", "aria-labelledby": "presets-title" });
  #form = h("form", { className: "stack", method: "dialog" });
  #kinds = h("div");
  #about = h("p", { className: "fine" });
  #seconds = number({ min: 1, max: 600, step: 0.5, value: 8 });
  #seeds = number({ min: 2, max: 64, step: 1, value: 5 });
  #slider = h("select", { id: freshId("preset") });
  #from = h("select", { id: freshId("preset") });
  #to = h("select", { id: freshId("preset") });
  #fields = {
    seeds: field("Seeds", this.#seeds),
    direction: field("Slider", this.#slider),
    classes: h("div", { className: "pair" }, field("From", this.#from), field("To", this.#to)),
  };
  #presets = [];
  #edit = null;
  #sliders = 0;

  /** Open it for an edit; `hand` is the slider offered first. What the generator cannot do is not offered. */
  open({ edit, generator, directions, hand, presets }) {
    this.#edit = edit;
    this.#sliders = directions.length;
    const { classes } = generator;
    const can = { classes: classes.length > 1, direction: directions.length > 0 };
    this.#presets = presets.filter(({ id, needs }) => {
      return needs.every((need) => can[need] ?? true) && (id !== "tour" || can.direction);
    });
    const options = (names) => names.map((name) => h("option", { value: name }, name));
    this.#slider.replaceChildren(
      ...directions.map(({ id, name }) => h("option", { value: id, selected: id === hand }, name)),
    );
    this.#from.replaceChildren(...options(classes));
    this.#to.replaceChildren(...options(classes));
    this.#to.selectedIndex = Math.min(1, classes.length - 1);
    this.#kinds.replaceChildren(...this.#presets.map(({ id, title }, index) => radio("preset", id, title, index === 0)));
    this.#describe();
    this.#dialog.showModal();
  }

  connectedCallback() {
    if (this.childElementCount) return;
    const close = iconButton("close", "Close");
    const kinds = h("fieldset", { className: "choice" }, h("legend", { className: "unseen" }, "Preset"), this.#kinds);
    const start = h("button", { type: "submit", className: "button primary" }, "Lay it out");
    const note = h("p", { className: "fine" }, "It takes the place of the walk on the timeline; undo brings that back.");
    this.#form.append(kinds, this.#about, ...Object.values(this.#fields), field("Seconds", this.#seconds), note, start);
    const title = h("h2", { id: "presets-title" }, "Begin with a preset");
    this.#dialog.append(h("div", { className: "section-head" }, title, close), this.#form);
    this.append(this.#dialog);
    close.addEventListener("click", () => this.#dialog.close());
    kinds.addEventListener("change", () => this.#describe());
    this.#form.addEventListener("submit", () => this.#make());
    for (const type of ["input", "change"]) this.addEventListener(type, (event) => event.stopPropagation());
  }

  get #preset() {
    const chosen = new FormData(this.#form).get("preset");
    return this.#presets.find(({ id }) => id === chosen);
  }

  #describe() {
    const { id, about, needs } = this.#preset;
    this.#seconds.value = id === "tour" ? 2 * this.#sliders : 8;
    this.#about.textContent = about;
    for (const [need, part] of Object.entries(this.#fields)) {
      part.hidden = !needs.includes(need);
      for (const input of part.querySelectorAll("input, select")) input.disabled = part.hidden;
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
    this.dispatchEvent(new CustomEvent("make", { detail: { id, title, request } }));
  }
}

function number(limits) {
  return h("input", { type: "number", id: freshId("preset"), required: true, ...limits });
}

customElements.define("presets-dialog", PresetsDialog);
