/** <judge-panel>: who can score pictures, their cards, and a slider learned from what they say. */

import { h } from "../dom.js";
import { field } from "../form.js";
import { isActive } from "../jobs.js";
import "./job-card.js";
import "./judge-card.js";
import "./judge-plan.js";
import "./rating-desk.js";

const KINDS = ["score", "judge"];
const ORIGINS = { "built in": "a formula", fetched: "a network", uploaded: "uploaded", ratings: "from ratings" };

/** Emits `learn` {regressor, ...}, `describe` {name, ...}, `plan` {name, plan}, `forget` {name}, `pick` {name}, `bring`, and `rated`. */
export class JudgePanel extends HTMLElement {
  #choice = h("select", { id: "judge-choice" });
  #about = h("p", { className: "fine", id: "judge-about" });
  #warning = h("p", { className: "problem", hidden: true });
  #form = h("form", { className: "stack" });
  #per = h("input", { type: "checkbox", id: "judge-per-class" });
  #steps = h("input", { id: "judge-steps", type: "number", min: 10, max: 5000, step: 1, value: 150, required: true });
  #id = h("input", {
    id: "judge-id",
    type: "text",
    pattern: "[a-z][a-z0-9_]{0,39}",
    required: true,
    autocomplete: "off",
    spellcheck: false,
  });
  #samples = h("input", {
    id: "judge-samples",
    type: "number",
    min: 64,
    max: 100000,
    step: 1,
    value: 1536,
    required: true,
  });
  #hold = h("select", { id: "judge-hold", multiple: true, size: 4 });
  #asked = field("Pictures it is asked about", this.#samples);
  #start = h("button", { type: "submit", className: "button primary" }, "Learn a slider from it");
  #why = h("p", { className: "fine", id: "judge-why", hidden: true });
  #cards = h("div", { className: "stack jobs" });
  #details = h("details", { className: "judge-details" });
  #card = document.createElement("judge-card");
  #plan = h("judge-plan", { hidden: true });
  #desk = document.createElement("rating-desk");
  #judges = [];
  #taken = new Set();

  /** Every judge, as the server lists them. The one chosen stays chosen. */
  set judges(judges) {
    this.#judges = judges;
    const chosen = this.#choice.value;
    this.#choice.replaceChildren(
      ...judges.map(({ name, title, origin, installed }) =>
        h("option", { value: name }, `${title} (${ORIGINS[origin] ?? origin}${installed ? "" : ", not fetched"})`),
      ),
    );
    if (judges.some(({ name }) => name === chosen)) this.#choice.value = chosen;
    this.#chosen();
  }

  /** Choose a judge, and open its card where something is missing from it. */
  set judge(name) {
    this.#choice.value = name;
    this.#chosen();
    const found = this.#found();
    if (found?.asks.length) this.#plan.focus();
    else if (found?.missing.length) {
      this.#details.open = true;
      this.#card.focus();
    }
  }

  get judge() {
    return this.#choice.value;
  }

  set directions(directions) {
    this.#taken = new Set(directions.map(({ id }) => id));
    const held = new Set([...this.#hold.selectedOptions].map(({ value }) => value));
    this.#hold.replaceChildren(
      ...directions
        .filter(({ kind }) => kind !== "path")
        .map(({ id, name }) => h("option", { value: id, selected: held.has(id) }, name)),
    );
    if (document.activeElement !== this.#id) this.#suggest();
  }

  set edit(edit) {
    this.#desk.edit = edit;
  }

  set jobs(jobs) {
    const ours = jobs.filter(({ kind }) => KINDS.includes(kind));
    const last = ours.find((job) => !isActive(job));
    const known = new Map([...this.#cards.children].map((card) => [card.dataset.id, card]));
    const next = ours
      .filter((job) => isActive(job) || job === last)
      .map((job) => {
        const card = known.get(job.id) ?? h("job-card", { "data-id": job.id });
        card.job = job;
        return card;
      });
    if (next.length !== known.size || next.some((card) => !card.isConnected)) this.#cards.replaceChildren(...next);
  }

  connectedCallback() {
    if (this.childElementCount) return;
    this.#choice.setAttribute("aria-describedby", this.#about.id);
    this.#start.setAttribute("aria-describedby", this.#why.id);
    const bring = h("button", { type: "button", className: "button" }, "Bring a model or ratings");
    bring.addEventListener("click", () => this.#emit("bring"));
    this.#details.append(h("summary", {}, "Its card"), this.#card);
    const per = h("label", { className: "check" }, this.#per, " A direction for each class");
    const more = h("details", { className: "judge-details" });
    more.append(h("summary", {}, "More choices"), field("Hold these as they are", this.#hold), this.#asked, per);
    this.#form.append(
      field("Judge", this.#choice),
      this.#about,
      this.#warning,
      this.#details,
      h("div", { className: "pair" }, field("Steps", this.#steps), field("Name", this.#id)),
      more,
      this.#start,
      this.#why,
    );
    this.append(this.#cards, this.#plan, this.#form, bring, h("h3", {}, "Rate by hand"), this.#desk);
    this.#choice.addEventListener("change", () => {
      this.#chosen();
      this.#emit("pick", { name: this.#choice.value });
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#emit("learn", {
        regressor: this.#choice.value,
        id: this.#id.value,
        steps: this.#steps.valueAsNumber,
        per_class: this.#per.checked,
        samples: this.#samples.valueAsNumber,
        hold: [...this.#hold.selectedOptions].map(({ value }) => value),
      });
    });
    for (const type of ["input", "change"]) this.addEventListener(type, (event) => event.stopPropagation());
  }

  #found() {
    return this.#judges.find(({ name }) => name === this.#choice.value);
  }

  #chosen() {
    const judge = this.#found();
    if (!judge) return;
    const { card, trust, installed, missing, warning, name } = judge;
    const sure = Number.isFinite(trust?.correlation) ? ` Held-out correlation ${trust.correlation.toFixed(2)} on ${trust.n} rated pictures.` : "";
    this.#about.textContent = `${card.measures || "Its card does not say what it measures yet."}${sure}`;
    this.#warning.hidden = !warning;
    this.#warning.textContent = warning;
    const why = installed
      ? judge.asks.length
        ? "How it wants its pictures is not confirmed yet. Look at its plan below, and try it."
        : missing.length
        ? `Its card does not say its ${missing.join(", ")} yet. Fill it in, so that people know what the slider means.`
        : ""
      : `It is not here yet. Run: latentwalk pull ${name}`;
    this.#start.disabled = Boolean(why);
    this.#why.hidden = !why;
    this.#why.textContent = why;
    this.#card.judge = judge;
    this.#plan.judge = judge;
    this.#plan.hidden = !judge.plan;
    this.#asked.hidden = judge.differentiable;
    this.#suggest();
  }

  #suggest() {
    const name = this.#choice.value;
    if (!name) return;
    let [id, number] = [name.slice(0, 36), 2];
    while (this.#taken.has(id)) id = `${name.slice(0, 36)}_${number++}`;
    this.#id.value = id;
  }

  #emit(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

customElements.define("judge-panel", JudgePanel);
