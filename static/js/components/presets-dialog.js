/** <presets-dialog>: four ways to begin a walk, each with the two or three numbers it needs. */

import { freshId, h, iconButton } from "../dom.js";
import { field, radio } from "../form.js";
import { morph, sweep, tour, wander } from "../presets.js";

const ABOUT = {
  wander: "A loop through random seeds, beginning with the picture on show.",
  sweep: "One slider from end to end of its measured range and back. The others stay as they are.",
  tour: "Every slider in turn, to both ends of its measured range.",
  morph: "From one class to another and back: what lies between them.",
};
const NAMES = { wander: "Random walk", sweep: "There and back", tour: "Tour of all sliders", morph: "Class morph" };
const LARGEST_RANDOM = 1_000_000;

/** Emits `alter` {walk, label, settled}. */
export class PresetsDialog extends HTMLElement {
  #dialog = h("dialog", { className: "modal", "aria-labelledby": "presets-title" });
  #form = h("form", { className: "stack", method: "dialog" });
  #kinds = h("fieldset", { className: "choice" }, h("legend", { className: "unseen" }, "Preset"));
  #about = h("p", { className: "fine" });
  #seconds = h("input", { type: "number", id: freshId("preset"), min: 0.1, max: 60, step: 0.1, value: 2, required: true });
  #count = h("input", { type: "number", id: freshId("preset"), min: 2, max: 64, step: 1, value: 5, required: true });
  #slider = h("select", { id: freshId("preset") });
  #from = h("select", { id: freshId("preset") });
  #to = h("select", { id: freshId("preset") });
  #fields = {
    wander: field("Seeds", this.#count),
    sweep: field("Slider", this.#slider),
    morph: h("div", { className: "pair" }, field("From", this.#from), field("To", this.#to)),
  };
  #given = null;

  /** Open it for an edit of a generator with these directions; `hand` is the slider offered first. */
  open({ edit, generator, directions, hand }) {
    this.#given = { edit, directions };
    const { classes } = generator;
    const options = (names) => names.map((name) => h("option", { value: name }, name));
    this.#slider.replaceChildren(
      ...directions.map(({ id, name }) => h("option", { value: id, selected: id === hand }, name)),
    );
    this.#from.replaceChildren(...options(classes));
    this.#to.replaceChildren(...options(classes));
    this.#to.selectedIndex = Math.min(1, classes.length - 1);
    for (const [kind, possible] of [["morph", classes.length > 1], ["sweep", directions.length], ["tour", directions.length]]) {
      this.#form.elements.preset.forEach((one) => one.value === kind && (one.disabled = !possible));
    }
    this.#describe();
    this.#dialog.showModal();
  }

  connectedCallback() {
    if (this.childElementCount) return;
    const close = iconButton("close", "Close");
    const kinds = Object.entries(NAMES).map(([kind, name], index) => radio("preset", kind, name, index === 0));
    this.#kinds.append(h("div", {}, ...kinds));
    const start = h("button", { type: "submit", className: "button primary" }, "Lay it out");
    this.#form.append(this.#kinds, this.#about, ...Object.values(this.#fields), field("Seconds for each step", this.#seconds));
    this.#form.append(h("p", { className: "fine" }, "It replaces the walk on the timeline; undo brings that back."), start);
    this.#dialog.append(
      h("div", { className: "section-head" }, h("h2", { id: "presets-title" }, "Begin with a preset"), close),
      this.#form,
    );
    this.append(this.#dialog);
    close.addEventListener("click", () => this.#dialog.close());
    this.#kinds.addEventListener("change", () => this.#describe());
    this.#form.addEventListener("submit", () => this.#make());
    for (const type of ["input", "change"]) this.addEventListener(type, (event) => event.stopPropagation());
  }

  get #kind() {
    return new FormData(this.#form).get("preset");
  }

  #describe() {
    this.#about.textContent = ABOUT[this.#kind];
    for (const [kind, part] of Object.entries(this.#fields)) {
      part.hidden = kind !== this.#kind;
      for (const input of part.querySelectorAll("input, select")) input.disabled = part.hidden;
    }
  }

  #make() {
    const { edit, directions } = this.#given;
    const seconds = this.#seconds.valueAsNumber;
    const kind = this.#kind;
    const another = () => Math.floor(Math.random() * LARGEST_RANDOM);
    const make = {
      wander: () => wander(edit, { seeds: Array.from({ length: this.#count.valueAsNumber - 1 }, another), seconds }),
      sweep: () => sweep(edit, { direction: directions.find(({ id }) => id === this.#slider.value), seconds }),
      tour: () => tour(edit, { directions, seconds }),
      morph: () => morph(edit, { from: this.#from.value, to: this.#to.value, seconds }),
    }[kind];
    const detail = { walk: make(), label: NAMES[kind], settled: true, key: "", fresh: true };
    this.dispatchEvent(new CustomEvent("alter", { detail, bubbles: true }));
  }
}

customElements.define("presets-dialog", PresetsDialog);
