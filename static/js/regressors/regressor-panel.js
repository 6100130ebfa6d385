/** <regressor-panel>: the attributes that can be scored, their cards, and the form that learns a slider from one. */

import { button, h } from "../elements/dom.js";
import { Component } from "../elements/component.js";
import { check, field, nameInput, number, onSubmit, submit, untaken } from "../elements/form.js";
import { learningTime } from "../sliders/learn/learning-time.js";
import { newest, showJobs } from "../jobs/job-card.js";
import "./regressor-card.js";
import "./regressor-plan.js";
import "./rating-panel.js";

const KINDS = ["score", "judge"]; // the server's names for learning from a regressor and for learning one from ratings
/** @type {Record<string, string>} */
const ORIGINS = { "built in": "formula", fetched: "network", uploaded: "uploaded", ratings: "from ratings" };

/** Emits `learn` {regressor, ...}, `describe` {name, ...}, `plan` {name, plan}, `forget` {name}, `pick` {name}, `bring` and `rated`. */
export class RegressorPanel extends Component {
  #choice = h("select", { id: "regressor-choice" });
  #about = h("p", { className: "fine", id: "regressor-about" });
  #warning = h("p", { className: "problem", hidden: true });
  #form = h("form", { className: "stack" });
  #per = h("input", { type: "checkbox", id: "regressor-per-class" });
  #steps = number("regressor-steps", 10, 5000, 150);
  #id = nameInput("regressor-id");
  #samples = number("regressor-samples", 64, 100000, 1536);
  #hold = h("select", { id: "regressor-hold", multiple: true, size: 4 });
  #asked = field("Pictures to score", this.#samples);
  #start = submit("Learn a slider");
  #time = h("p", { className: "fine learning-time", id: "regressor-time" });
  #why = h("p", { className: "fine", id: "regressor-why", hidden: true });
  #cards = h("div", { className: "stack jobs" });
  #details = h("details", { className: "regressor-details" });
  #card = h("regressor-card");
  #plan = h("regressor-plan", { hidden: true });
  #rating = h("rating-panel");
  /** @type {Regressor[]} */
  #regressors = [];
  /** @type {Set<string>} */
  #taken = new Set();
  /** @type {readonly Direction[]} */
  #directions = [];

  /**
   * All regressors, as the server lists them. The one chosen stays chosen.
   * @param {Regressor[]} regressors
   */
  set regressors(regressors) {
    this.#regressors = regressors;
    const chosen = this.#choice.value;
    this.#choice.replaceChildren(
      ...regressors.map(({ name, title, origin, installed }) =>
        h("option", { value: name }, `${title} (${ORIGINS[origin] ?? origin}${installed ? "" : ", not downloaded"})`),
      ),
    );
    if (regressors.some(({ name }) => name === chosen)) this.#choice.value = chosen;
    this.#show();
  }

  /** Choose a regressor, and open its card where something is missing from it. */
  set chosen(name) {
    this.#choice.value = name;
    this.#show();
    const found = this.#found();
    if (found?.asks.length) this.#plan.focus();
    else if (found?.missing.length) {
      this.#details.open = true;
      this.#card.focus();
    }
  }

  get chosen() {
    return this.#choice.value;
  }

  /** @param {Direction[]} directions */
  set directions(directions) {
    this.#directions = directions;
    this.#taken = new Set(directions.map(({ id }) => id));
    this.#estimate();
    const held = new Set([...this.#hold.selectedOptions].map(({ value }) => value));
    this.#hold.replaceChildren(
      ...directions
        .filter(({ kind }) => kind !== "path")
        .map(({ id, name }) => h("option", { value: id, selected: held.has(id) }, name)),
    );
    if (document.activeElement !== this.#id) this.#suggest();
  }

  /** @param {Edit | null} edit */
  set edit(edit) {
    this.#rating.edit = edit;
  }

  /** @param {readonly Job[]} jobs */
  set jobs(jobs) {
    showJobs(this.#cards, newest(jobs, KINDS));
  }

  build() {
    this.#choice.setAttribute("aria-describedby", this.#about.id);
    this.#start.setAttribute("aria-describedby", this.#why.id);
    const bring = button("Upload a model or ratings", { className: "button outlined", onclick: () => this.emit("bring") });
    this.#details.append(h("summary", {}, "Card"), this.#card);
    const per = check(this.#per, " Learn one direction per class");
    const more = h("details", { className: "regressor-details" });
    more.append(h("summary", {}, "More options"), field("Sliders to hold", this.#hold), this.#asked, per);
    this.#form.append(
      field("Attribute", this.#choice),
      this.#about,
      this.#warning,
      this.#details,
      h("div", { className: "pair" }, field("Steps", this.#steps), field("Name", this.#id)),
      more,
      this.#why,
      this.#time,
      this.#start,
    );
    this.#steps.setAttribute("aria-describedby", this.#time.id);
    this.#steps.addEventListener("input", () => this.#estimate());
    this.append(this.#cards, this.#plan, this.#form, bring, h("h3", {}, "Rate pictures"), this.#rating);
    this.#choice.addEventListener("change", () => {
      this.#show();
      this.emit("pick", { name: this.#choice.value });
    });
    onSubmit(this.#form, () => {
      this.emit("learn", {
        regressor: this.#choice.value,
        id: this.#id.value,
        steps: this.#steps.valueAsNumber,
        per_class: this.#per.checked,
        samples: this.#samples.valueAsNumber,
        hold: [...this.#hold.selectedOptions].map(({ value }) => value),
      });
    });
    this.keepChanges();
  }

  #estimate() {
    this.#time.textContent = learningTime(this.#directions, ["score"], this.#steps.valueAsNumber);
  }

  #found() {
    return this.#regressors.find(({ name }) => name === this.#choice.value);
  }

  #show() {
    const regressor = this.#found();
    if (!regressor) return;
    const { card, trust, installed, missing, warning, name } = regressor;
    const { correlation, n } = trust ?? {};
    const sure = correlation !== undefined && Number.isFinite(correlation) ? ` Held-out correlation: ${correlation.toFixed(2)} on ${n} rated pictures.` : "";
    this.#about.textContent = `${card.measures || "The card does not describe this attribute yet."}${sure}`;
    this.#warning.hidden = !warning;
    this.#warning.textContent = warning;
    const why = installed
      ? regressor.asks.length
        ? "Its input format is not confirmed yet. Check the input images above and test it."
        : missing.length
        ? `The card is incomplete (${missing.join(", ")}). Complete it so that people know what the slider means.`
        : ""
      : `This attribute is not downloaded yet. Run: latentwalk pull ${name}`;
    this.#start.disabled = Boolean(why);
    this.#why.hidden = !why;
    this.#why.textContent = why;
    this.#card.regressor = regressor;
    this.#plan.regressor = regressor;
    this.#plan.hidden = !regressor.plan;
    this.#asked.hidden = regressor.differentiable;
    this.#suggest();
  }

  #suggest() {
    const name = this.#choice.value.slice(0, 36);
    if (name) this.#id.value = untaken(name, this.#taken);
  }
}

customElements.define("regressor-panel", RegressorPanel);
