/** <regressor-card>: what is known about a regressor, as text to read or, for an uploaded one, as a form. */

import { button, definitions, h } from "../elements/dom.js";
import { Component } from "../elements/component.js";
import { field, onSubmit } from "../elements/form.js";

const PARTS = {
  measures: "What the number means",
  data: "Training data",
  source: "Source",
  licence: "Licence",
  limits: "Limitations",
};

/** Emits `describe` {name, title, card, reason}, `resume` {name} and `forget` {name}, all bubbling. */
export class RegressorCard extends Component {
  /** @type {Regressor | undefined} */
  #regressor;

  /** @param {Regressor} regressor */
  set regressor(regressor) {
    if (JSON.stringify(regressor) === JSON.stringify(this.#regressor)) return;
    this.#regressor = regressor;
    const card = regressor.removable ? this.#form(regressor) : reading(regressor);
    this.replaceChildren(...(regressor.suspended ? [this.#notice(regressor)] : []), card);
  }

  /** @param {Regressor} regressor */
  #notice({ name, title, suspended }) {
    const at = new Date(suspended ?? "").toLocaleString();
    const sentence = `${title} is suspended since ${at}: two of its scores took too long.`;
    const resume = button("Resume", { className: "button outlined" });
    resume.addEventListener("click", () => this.tell("resume", { name }));
    return h("p", { className: "problem", role: "alert" }, sentence, " ", resume);
  }

  focus() {
    const blank = [...this.querySelectorAll("textarea")].find(({ value }) => !value.trim());
    (blank ?? this.querySelector("input, textarea"))?.focus();
  }

  /** @param {Regressor} regressor */
  #form(regressor) {
    const title = h("input", { id: "regressor-title", type: "text", maxLength: 80, value: regressor.title, required: true });
    const parts = Object.entries(PARTS).map(([part, name]) => {
      const text = longText(part, regressor.card[part]);
      text.name = part;
      return field(name, text);
    });
    const reason = longText("reason", regressor.reason ?? "");
    reason.setAttribute("aria-describedby", "regressor-reason-about");
    const about = h(
      "p",
      { className: "fine", id: "regressor-reason-about" },
      "Required for attributes of people, such as gender or age. The reason is stored with the attribute and with its sliders.",
    );
    const form = h(
      "form",
      { className: "stack" },
      field("Title", title),
      ...parts,
      field("Why you need it", reason),
      about,
      button("Save the card", { type: "submit", className: "button outlined" }),
    );
    const forget = button("Delete this attribute", { className: "button danger" });
    forget.addEventListener("click", () => {
      if (forget.dataset.sure) return this.tell("forget", { name: regressor.name });
      forget.dataset.sure = "yes";
      forget.textContent = "Really delete it?";
    });
    form.append(forget);
    onSubmit(form, () => {
      const card = Object.fromEntries(
        [.../** @type {NodeListOf<HTMLTextAreaElement>} */ (form.querySelectorAll("textarea[name]"))].map(({ name, value }) => [name, value]),
      );
      const said = reason.value.trim();
      this.tell("describe", { name: regressor.name, title: title.value, card, ...(said ? { reason: said } : {}) });
    });
    return form;
  }
}

/** @param {Regressor} regressor */
function reading({ card }) {
  const rows = Object.entries(PARTS).map(([part, name]) => [name, card[part] || "–"]);
  return definitions(rows, { className: "facts" });
}

/**
 * @param {string} part
 * @param {string | undefined} value
 */
function longText(part, value) {
  return h("textarea", { id: `regressor-${part}`, rows: 2, maxLength: 2000, value });
}

customElements.define("regressor-card", RegressorCard);
