/** <judge-panel>: who can score pictures, their cards, and a slider learned from what they say. */

import { button, h, Part } from "../dom.js";
import { check, field, nameInput, number, onSubmit, submit, untaken } from "../form.js";
import { newest, showJobs } from "./job-card.js";
import "./judge-card.js";
import "./rating-desk.js";

const KINDS = ["score", "judge"];
const ORIGINS = { "built in": "a formula", fetched: "a network", uploaded: "uploaded", ratings: "from ratings" };

/** Emits `learn` {regressor, ...}, `describe` {name, ...}, `plan` {name, plan}, `forget` {name}, `pick` {name}, `bring`, and `rated`. */
class JudgePanel extends Part {
  #choice = h("select", { id: "judge-choice" });
  #about = h("p", { className: "fine", id: "judge-about" });
  #warning = h("p", { className: "problem", hidden: true });
  #form = h("form", { className: "stack" });
  #per = h("input", { type: "checkbox", id: "judge-per-class" });
  #steps = number("judge-steps", 10, 5000, 150);
  #id = nameInput("judge-id");
  #samples = number("judge-samples", 64, 100000, 1536);
  #hold = h("select", { id: "judge-hold", multiple: true, size: 4 });
  #asked = field("Pictures it is asked about", this.#samples);
  #start = submit("Learn a slider from it");
  #why = h("p", { className: "fine", id: "judge-why", hidden: true });
  #cards = h("div", { className: "stack jobs" });
  #details = h("details", { className: "judge-details" });
  #card = h("judge-card");
  #plan = h("judge-plan", { hidden: true });
  #desk = h("rating-desk");
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
    showJobs(this.#cards, newest(jobs, KINDS));
  }

  build() {
    this.#choice.setAttribute("aria-describedby", this.#about.id);
    this.#start.setAttribute("aria-describedby", this.#why.id);
    const bring = button("Bring a model or ratings", { onclick: () => this.emit("bring") });
    this.#details.append(h("summary", {}, "Its card"), this.#card);
    const per = check(this.#per, " A direction for each class");
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
    const name = this.#choice.value.slice(0, 36);
    if (name) this.#id.value = untaken(name, this.#taken);
  }
}

customElements.define("judge-panel", JudgePanel);
