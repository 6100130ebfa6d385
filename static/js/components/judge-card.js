/** <judge-card>: what is said of a judge: read for those that come with the program, a form for one's own. */

import { h } from "../dom.js";
import { field } from "../form.js";

const PARTS = {
  measures: "What the number means",
  data: "What it learned from",
  source: "Where it comes from",
  licence: "What it may be used for",
  limits: "Where it misleads",
};

/** Emits `describe` {name, title, card, reason} and `forget` {name}, both bubbling. */
export class JudgeCard extends HTMLElement {
  #judge = null;

  set judge(judge) {
    if (JSON.stringify(judge) === JSON.stringify(this.#judge)) return;
    this.#judge = judge;
    this.replaceChildren(judge.removable ? this.#form(judge) : reading(judge));
  }

  focus() {
    const blank = [...this.querySelectorAll("textarea")].find(({ value }) => !value.trim());
    (blank ?? this.querySelector("input, textarea"))?.focus();
  }

  #form(judge) {
    const title = h("input", { id: "judge-title", type: "text", maxLength: 80, value: judge.title, required: true });
    const parts = Object.entries(PARTS).map(([part, name]) => {
      const text = h("textarea", { id: `judge-${part}`, rows: 2, maxLength: 2000, value: judge.card[part] });
      text.name = part;
      return field(name, text);
    });
    const reason = h("textarea", {
      id: "judge-reason",
      rows: 2,
      maxLength: 2000,
      value: judge.reason ?? "",
      "aria-describedby": "judge-reason-about",
    });
    const about = h(
      "p",
      { className: "fine", id: "judge-reason-about" },
      "Asked for where a score names what people are, such as gender or age. It is kept with the judge and with its sliders.",
    );
    const form = h(
      "form",
      { className: "stack" },
      field("Title", title),
      ...parts,
      field("Why you need it", reason),
      about,
      h("button", { type: "submit", className: "button" }, "Keep the card"),
    );
    const forget = h("button", { type: "button", className: "button danger" }, "Remove this judge");
    forget.addEventListener("click", () => {
      if (forget.dataset.sure) return this.#emit("forget", { name: judge.name });
      forget.dataset.sure = "yes";
      forget.textContent = "Really remove it?";
    });
    form.append(forget);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      const card = Object.fromEntries(
        [...form.querySelectorAll("textarea[name]")].map(({ name, value }) => [name, value]),
      );
      const said = reason.value.trim();
      this.#emit("describe", { name: judge.name, title: title.value, card, ...(said ? { reason: said } : {}) });
    });
    return form;
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }
}

function reading({ card }) {
  const rows = Object.entries(PARTS).flatMap(([part, name]) => [h("dt", {}, name), h("dd", {}, card[part] || "–")]);
  return h("dl", { className: "facts" }, ...rows);
}

customElements.define("judge-card", JudgeCard);
