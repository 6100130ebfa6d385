/** <learn-panel>: the form that learns a slider, the one that discovers directions, and their jobs. */

import { LARGEST_SEED } from "../../picture/edit.js";
import { describe } from "../units.js";
import { button, h } from "../../elements/dom.js";
import { Component } from "../../elements/component.js";
import { choice, field, nameInput, number, onSubmit, options, radio, submit, untaken } from "../../elements/form.js";
import { learningTime } from "./learning-time.js";
import { newest, showJobs } from "../../jobs/job-card.js";

const KINDS = ["learn", "discover"];
const METHODS = { pca: "PCA", sefa: "SeFa", styles: "Style" };

/** Emits `learn` and `discover` with the request to send, and the cards' `cancel`. */
export class LearnPanel extends Component {
  #transform = h("select", { id: "learn-transform" });
  #about = h("p", { className: "fine", id: "learn-about" });
  #id = nameInput("learn-id");
  #seed = number("learn-seed", 0, LARGEST_SEED, 0);
  #steps = number("learn-steps", 10, 5000, 400, 10);
  #time = h("p", { className: "fine learning-time", id: "learn-time" });
  #form = h("form", { className: "stack" });
  #discover = h("form", { className: "stack" });
  #cards = h("div", { className: "stack jobs" });
  /** @type {Transform[]} */
  #transforms = [];
  /** @type {Set<string>} */
  #taken = new Set();
  /** @type {readonly Direction[]} */
  #directions = [];

  /** @param {Transform[]} transforms */
  set transforms(transforms) {
    this.#transforms = transforms;
    const groups = Map.groupBy(transforms, ({ group }) => group);
    const grouped = [...groups].map(([group, members]) =>
      h(
        "optgroup",
        { label: group[0].toUpperCase() + group.slice(1) },
        ...options(members.map(({ name, title }) => [name, title]), this.#transform.value),
      ),
    );
    this.#transform.replaceChildren(...grouped);
    this.#chosen();
  }

  /** @param {Direction[]} directions */
  set directions(directions) {
    this.#directions = directions;
    this.#taken = new Set(directions.map(({ id }) => id));
    this.#estimate();
    if (document.activeElement !== this.#id) this.#suggest();
  }

  /** @param {readonly Job[]} jobs */
  set jobs(jobs) {
    showJobs(this.#cards, newest(jobs, KINDS));
  }

  build() {
    const walk = choice("Direction", radio("walk", "linear", "Straight", true), radio("walk", "path", "Path", false));
    const numbers = h("div", { className: "pair" }, field("Steps", this.#steps), field("Seed", this.#seed));
    this.#transform.setAttribute("aria-describedby", this.#about.id);
    this.#form.append(
      field("Effect of the slider", this.#transform),
      this.#about,
      walk,
      numbers,
      field("Name", this.#id),
      this.#time,
      submit("Start learning"),
    );
    this.#steps.setAttribute("aria-describedby", this.#time.id);
    this.#steps.addEventListener("input", () => this.#estimate());
    const methods = Object.entries(METHODS).map(([value, name]) => radio("method", value, name, value === "pca"));
    const count = number("discover-count", 1, 20, 6);
    this.#discover.append(
      h(
        "p",
        { className: "fine" },
        "Finds the directions along which the generator varies most. They have no names until you interpret them.",
      ),
      choice("Method", ...methods),
      field("Number of directions", count),
      button("Discover", { type: "submit", className: "button outlined" }),
    );
    this.append(this.#cards, this.#form, h("h3", {}, "Discover"), this.#discover);
    this.#transform.addEventListener("change", () => this.#chosen());
    onSubmit(this.#form, () => {
      const data = new FormData(this.#form);
      this.emit("learn", {
        transform: this.#transform.value,
        walk: data.get("walk"),
        seed: this.#seed.valueAsNumber,
        steps: this.#steps.valueAsNumber,
        id: this.#id.value,
      });
    });
    onSubmit(this.#discover, () => {
      this.emit("discover", { method: new FormData(this.#discover).get("method"), count: count.valueAsNumber });
    });
    this.keepChanges();
  }

  #estimate() {
    this.#time.textContent = learningTime(this.#directions, ["walk"], this.#steps.valueAsNumber);
  }

  #chosen() {
    const transform = this.#transforms.find(({ name }) => name === this.#transform.value);
    if (!transform) return;
    const { about, unit, range } = transform;
    this.#about.textContent = `${about} Training range: ${range.map((end) => describe(unit, end)).join(" to ")}.`;
    this.#suggest();
  }

  // An unused name, so that nothing is replaced by accident.
  #suggest() {
    const name = this.#transform.value;
    if (name) this.#id.value = untaken(name, this.#taken);
  }
}

customElements.define("learn-panel", LearnPanel);
