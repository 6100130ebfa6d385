/** <slider-panel>: all sliders of the generator in groups, with a search box and a legend. */

import { inFull } from "../shell/api.js";
import { amountOf } from "../picture/edit.js";
import { h, icon, iconButton } from "../elements/dom.js";
import { Component } from "../elements/component.js";
import { explain } from "../elements/tips.js";
import "./direction-slider.js";

const GROUPS = { geometry: "Geometry", colour: "Colour", attributes: "Attributes", discovered: "Discovered" };

/**
 * Emits what its sliders emit, `rest` when all of them are to go back to neutral, and `discard` with {id} when a damaged
 * one is to be deleted.
 */
export class SliderPanel extends Component {
  #search = h("input", {
    type: "search",
    placeholder: "Find a slider",
    "aria-label": "Find a slider",
    autocomplete: "off",
  });
  #rest = iconButton("reset", "Reset all", {
    showName: true,
    title: "Reset all sliders (0)",
    onclick: () => this.tell("rest"),
  });
  #list = h("div", { className: "slider-list" });
  #none = h("p", { className: "empty", hidden: true });
  #damaged = h("section", { className: "group damaged", hidden: true });
  #legend = legend();
  /** @type {Map<string, import("./direction-slider.js").DirectionSlider>} */
  #sliders = new Map();

  /**
   * All directions, as the server lists them. Sliders that stay keep their element, focus and open report.
   * @param {Direction[]} directions
   */
  set directions(directions) {
    const before = this.#sliders;
    this.#sliders = new Map();
    for (const direction of directions) {
      const same = before.get(direction.id);
      const kept = same && JSON.stringify(same.direction) === JSON.stringify(direction);
      const slider = kept ? same : h("direction-slider");
      if (!kept) slider.direction = direction;
      this.#sliders.set(direction.id, slider);
    }
    const groups = Object.entries(GROUPS).map(([group, title]) => {
      const members = [...this.#sliders.values()].filter(({ direction }) => direction.group === group);
      return members.length ? h("section", { className: "group" }, h("h3", {}, title), ...members) : null;
    });
    this.#list.replaceChildren(...groups.filter((group) => group !== null));
    this.#filter();
  }

  /**
   * The stored sliders that cannot be used.
   * @param {Damaged[]} damaged
   */
  set damaged(damaged) {
    const items = damaged.map(({ id, reason }) => {
      const discard = iconButton("trash", `Delete ${id}`, { onclick: () => this.tell("discard", { id }) });
      return h("li", { className: "row" }, h("div", {}, h("strong", {}, id), h("p", { className: "fine" }, reason)), discard);
    });
    this.#damaged.replaceChildren(h("h3", {}, "Damaged"), h("ul", { className: "stack" }, ...items));
    this.#damaged.hidden = damaged.length === 0;
  }

  /** @param {Edit} edit */
  set edit(edit) {
    for (const slider of this.#sliders.values()) {
      slider.amount = amountOf(edit, slider.direction);
      slider.held = edit.hold.includes(slider.direction.id);
    }
    this.#rest.disabled = Object.keys(edit.amounts).length === 0;
  }

  /** @param {ReadonlySet<string>} ids the sliders that play */
  set swaying(ids) {
    for (const [id, slider] of this.#sliders) slider.swaying = ids.has(id);
  }

  /**
   * The id of the slider that the filmstrip shows.
   * @param {string | null} id
   */
  set active(id) {
    for (const [one, slider] of this.#sliders) slider.classList.toggle("active", one === id);
  }

  /**
   * Why the last edit was refused, shown at the active slider: {id, message, hint} or null.
   * @param {(Problem & {id: string | null}) | null} problem
   */
  set problem(problem) {
    for (const [id, slider] of this.#sliders) {
      slider.problem = problem && id === problem.id ? inFull(problem) : null;
    }
  }

  search() {
    this.#search.focus();
  }

  /**
   * Bring a slider into view, highlighted for a moment.
   * @param {string} id
   */
  highlight(id) {
    const slider = this.#sliders.get(id);
    if (!slider) return;
    this.#search.value = "";
    this.#filter();
    slider.scrollIntoView({ block: "center", behavior: "smooth" });
    slider.classList.add("fresh");
    slider.addEventListener("animationend", () => slider.classList.remove("fresh"), { once: true });
  }

  build() {
    const box = h("div", { className: "search" }, icon("search"), this.#search);
    this.append(h("div", { className: "panel-tools" }, box, this.#rest), this.#list, this.#none, this.#damaged, this.#legend);
    this.#search.addEventListener("input", (event) => {
      event.stopPropagation();
      this.#filter();
    });
    this.#search.addEventListener("change", (event) => event.stopPropagation());
  }

  #filter() {
    const wanted = this.#search.value.trim().toLowerCase();
    let found = 0;
    for (const slider of this.#sliders.values()) {
      const { name, id, group, note } = slider.direction;
      slider.hidden = !`${name} ${id} ${group} ${note}`.toLowerCase().includes(wanted);
      found += slider.hidden ? 0 : 1;
    }
    for (const group of /** @type {NodeListOf<HTMLElement>} */ (this.#list.querySelectorAll(".group"))) group.hidden = !group.querySelector("direction-slider:not([hidden])");
    this.#legend.hidden = this.#sliders.size === 0;
    this.#none.hidden = found > 0;
    this.#none.textContent = wanted
      ? `No slider matches “${this.#search.value.trim()}”.`
      : "This generator has no sliders yet. Learning one takes a minute or two.";
  }
}

function legend() {
  /**
   * @param {string} className
   * @param {string} text
   * @param {string} about
   */
  const mark = (className, text, about) =>
    h("li", {}, h("span", { className: `mark ${className}`, "aria-hidden": "true" }), explain(h("span", {}, text), about));
  return h(
    "ul",
    { className: "legend", "aria-label": "Marks on the sliders" },
    mark("mark-measured", "measured range", "Here many pictures were made and measured: the slider does what its number says."),
    mark("mark-past", "outside the measured range", "Hatching: the slider still moves here, but nobody has measured that pictures follow."),
    mark("mark-zero", "neutral", "Here the slider changes nothing."),
  );
}

customElements.define("slider-panel", SliderPanel);
