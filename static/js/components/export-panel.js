/** <export-panel>: a walk of one slider as a film, and the films made so far. */

import { describe } from "../units.js";
import { h } from "../dom.js";
import { choice, field, radio } from "../form.js";
import { isActive } from "../jobs.js";
import "./film-card.js";
import "./job-card.js";

/** Emits `export` with {sweep, format, seconds, fps, size}, and the cards' `remove` {id} and `cancel` {id}. */
export class ExportPanel extends HTMLElement {
  #sweep = h("select", { id: "export-sweep" });
  #span = h("p", { className: "fine", id: "export-span" });
  #seconds = h("input", { id: "export-seconds", type: "number", min: 1, max: 60, step: 0.5, value: 4, required: true });
  #fps = h("input", { id: "export-fps", type: "number", min: 5, max: 60, step: 1, value: 30, required: true });
  #size = h(
    "select",
    { id: "export-size" },
    ...[256, 512, 1024].map((size) => h("option", { value: size, selected: size === 512 }, `${size} px`)),
  );
  #form = h("form", { className: "stack" });
  #cards = h("div", { className: "stack jobs" });
  #list = h("ul", { className: "exports" });
  #directions = [];

  set directions(directions) {
    this.#directions = directions;
    const chosen = this.#sweep.value;
    this.#sweep.replaceChildren(
      ...directions.map(({ id, name }) => h("option", { value: id, selected: id === chosen }, name)),
    );
    this.#describe();
  }

  /** Sweep this slider, unless told otherwise. */
  set hand(id) {
    if (this.#directions.some((direction) => direction.id === id)) this.#sweep.value = id;
    this.#describe();
  }

  set jobs(jobs) {
    const shown = jobs.filter(
      ({ kind, state }, index) => kind === "export" && (isActive({ state }) || (state === "failed" && index < 3)),
    );
    const cards = new Map([...this.#cards.children].map((card) => [card.dataset.id, card]));
    const next = shown.map((job) => {
      const card = cards.get(job.id) ?? h("job-card", { "data-id": job.id });
      card.job = job;
      return card;
    });
    if (next.length !== cards.size || next.some((card) => !card.isConnected)) this.#cards.replaceChildren(...next);
  }

  /** The finished films; those already listed keep their element, and go on playing. */
  set exports(exports) {
    const known = new Map([...this.#list.children].map((item) => [item.dataset.id, item]));
    const items = exports.map((film) => known.get(film.id) ?? filmItem(film));
    this.#list.replaceChildren(...items);
    if (!exports.length) this.#list.append(h("li", { className: "empty" }, "No films yet."));
  }

  connectedCallback() {
    if (this.childElementCount) return;
    const format = choice("Format", radio("format", "mp4", "MP4", true), radio("format", "gif", "GIF", false));
    const numbers = h(
      "div",
      { className: "pair" },
      field("Seconds", this.#seconds),
      field("Frames a second", this.#fps),
    );
    const start = h("button", { type: "submit", className: "button primary" }, "Make the film");
    this.#sweep.setAttribute("aria-describedby", this.#span.id);
    this.#form.append(
      field("Slider to sweep", this.#sweep),
      this.#span,
      format,
      numbers,
      field("Size", this.#size),
      start,
    );
    this.append(this.#cards, this.#form, h("h3", {}, "Films"), this.#list);
    this.#sweep.addEventListener("change", () => this.#describe());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const detail = {
        sweep: this.#sweep.value,
        format: new FormData(this.#form).get("format"),
        seconds: this.#seconds.valueAsNumber,
        fps: this.#fps.valueAsNumber,
        size: Number(this.#size.value),
      };
      this.dispatchEvent(new CustomEvent("export", { detail }));
    });
    for (const type of ["input", "change"]) this.addEventListener(type, (event) => event.stopPropagation());
  }

  #describe() {
    const direction = this.#directions.find(({ id }) => id === this.#sweep.value);
    if (!direction) return;
    const ends = direction.range.map((end) => describe(direction.unit, end)).join(" to ");
    this.#span.textContent = `There and back, ${ends}: a loop without a seam. The other sliders stay as they are.`;
  }
}

function filmItem(film) {
  return h("li", { "data-id": film.id }, h("film-card", { film }));
}

customElements.define("export-panel", ExportPanel);
