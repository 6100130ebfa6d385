/** <learn-panel>: teach the generator a slider, or discover some, and watch it happen. */

import { describe } from "../units.js";
import { h } from "../dom.js";
import { choice, field, radio } from "../form.js";
import { isActive } from "../jobs.js";
import "./job-card.js";

const KINDS = ["learn", "discover"];

/** Emits `learn` and `discover` with the request to send, and the cards' `cancel`. */
export class LearnPanel extends HTMLElement {
  #transform = h("select", { id: "learn-transform" });
  #about = h("p", { className: "fine", id: "learn-about" });
  #id = h("input", {
    id: "learn-id",
    type: "text",
    pattern: "[a-z][a-z0-9_]{0,39}",
    required: true,
    autocomplete: "off",
    spellcheck: false,
  });
  #seed = h("input", { id: "learn-seed", type: "number", min: 0, max: 4294967295, step: 1, value: 0, required: true });
  #steps = h("input", { id: "learn-steps", type: "number", min: 10, max: 5000, step: 10, value: 400, required: true });
  #form = h("form", { className: "stack" });
  #discover = h("form", { className: "stack" });
  #cards = h("div", { className: "stack jobs" });
  #transforms = [];
  #taken = new Set();

  set transforms(transforms) {
    this.#transforms = transforms;
    const groups = Map.groupBy(transforms, ({ group }) => group);
    const options = [...groups].map(([group, members]) =>
      h(
        "optgroup",
        { label: group[0].toUpperCase() + group.slice(1) },
        ...members.map(({ name, title }) => h("option", { value: name }, title)),
      ),
    );
    const chosen = this.#transform.value;
    this.#transform.replaceChildren(...options);
    if (transforms.some(({ name }) => name === chosen)) this.#transform.value = chosen;
    this.#chosen();
  }

  set directions(directions) {
    this.#taken = new Set(directions.map(({ id }) => id));
    if (document.activeElement !== this.#id) this.#suggest();
  }

  /** What is under way, and the last that came to an end. */
  set jobs(jobs) {
    const ours = jobs.filter(({ kind }) => KINDS.includes(kind));
    const last = ours.find((job) => !isActive(job));
    const shown = ours.filter((job) => isActive(job) || job === last);
    const cards = new Map([...this.#cards.querySelectorAll("job-card")].map((card) => [card.dataset.id, card]));
    const next = shown.map((job) => {
      const card = cards.get(job.id) ?? h("job-card", { "data-id": job.id });
      card.job = job;
      return card;
    });
    const same =
      next.length === this.#cards.childElementCount &&
      next.every((card, index) => this.#cards.children[index] === card);
    if (!same) this.#cards.replaceChildren(...next);
  }

  connectedCallback() {
    if (this.childElementCount) return;
    const walk = choice("Walk", radio("walk", "linear", "Straight", true), radio("walk", "path", "Path", false));
    const numbers = h("div", { className: "pair" }, field("Steps", this.#steps), field("Seed", this.#seed));
    const start = h("button", { type: "submit", className: "button primary" }, "Start learning");
    this.#transform.setAttribute("aria-describedby", this.#about.id);
    this.#form.append(
      field("What the slider should do", this.#transform),
      this.#about,
      walk,
      numbers,
      field("Name", this.#id),
      start,
    );
    const method = choice("Method", radio("method", "pca", "PCA", true), radio("method", "sefa", "SeFa", false), radio("method", "styles", "Style", false));
    const count = h("input", { id: "discover-count", type: "number", min: 1, max: 20, value: 6, required: true });
    const find = h("button", { type: "submit", className: "button" }, "Discover");
    this.#discover.append(
      h(
        "p",
        { className: "fine" },
        "The directions in which the generator varies most. They have no names until you give them a meaning.",
      ),
      method,
      field("How many", count),
      find,
    );
    this.append(this.#cards, this.#form, h("h3", {}, "Discover"), this.#discover);
    this.#transform.addEventListener("change", () => this.#chosen());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const data = new FormData(this.#form);
      this.#emit("learn", {
        transform: this.#transform.value,
        walk: data.get("walk"),
        seed: this.#seed.valueAsNumber,
        steps: this.#steps.valueAsNumber,
        id: this.#id.value,
      });
    });
    this.#discover.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#emit("discover", { method: new FormData(this.#discover).get("method"), count: count.valueAsNumber });
    });
    for (const type of ["input", "change"]) this.addEventListener(type, (event) => event.stopPropagation());
  }

  #chosen() {
    const transform = this.#transforms.find(({ name }) => name === this.#transform.value);
    if (!transform) return;
    const { about, unit, range } = transform;
    this.#about.textContent = `${about} Asked for ${range.map((end) => describe(unit, end)).join(" to ")}.`;
    this.#suggest();
  }

  // A free name, so that a first try replaces nothing.
  #suggest() {
    const name = this.#transform.value;
    if (!name) return;
    let [id, number] = [name, 2];
    while (this.#taken.has(id)) id = `${name}_${number++}`;
    this.#id.value = id;
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

customElements.define("learn-panel", LearnPanel);
