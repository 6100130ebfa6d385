/** <direction-slider>: one learned direction: its slider, its verdict, its hold lock and its report. */

import { freshId, h, icon, iconButton, setIcon } from "../elements/dom.js";
import { explain } from "../elements/tips.js";
import { Component } from "../elements/component.js";
import "./amount-slider.js";
import "./report-card.js";

/** @type {Record<string, string>} */
const VERDICTS = {
  partial: "Partial: measured pictures follow this slider only in part, or less far than was asked.",
  weak: "Weak: measured pictures hardly change the way this slider says.",
  unmeasured: "Nobody has measured yet whether pictures follow this slider.",
};

/**
 * Emits the slider's `input` and `change`, `sway` when it is to play or to stop, `hold` {held}, `report` when its report
 * is first opened, and `remove`.
 */
export class DirectionSlider extends Component {
  /** @type {Direction} */
  #direction;
  #slider = h("amount-slider");
  #note = h("p", { className: "note", id: freshId("note") });
  #error = h("p", { className: "problem", hidden: true, id: freshId("problem") });
  #play = iconButton("play", "Play", { className: "button icon-only play", onclick: () => this.tell("sway") });
  #hold = iconButton("unlock", "Hold", { className: "button icon-only hold" });
  #more = iconButton("chevron", "Report", { className: "button icon-only more", onclick: () => this.#toggle() });
  /** @type {import("./report-card.js").ReportCard | null} */
  #report = null;

  set direction(direction) {
    this.#direction = direction;
    this.#slider.config = direction;
    this.dataset.id = direction.id;
    const { verdict, note, name, kind } = direction;
    const badge = explain(h("span", { className: "badge", "data-verdict": verdict }), VERDICTS[verdict] ?? "");
    badge.textContent = verdict === "unmeasured" ? "not measured" : verdict;
    this.#note.hidden = verdict === "strong";
    this.#note.replaceChildren(badge, ` ${note}`);
    this.#more.setAttribute("aria-label", `Report on ${name}`);
    this.#more.title = "Show the measured quality of this slider";
    this.#play.setAttribute("aria-label", `Play ${name}`);
    this.#play.title = "Sway over the measured range; Space stops all";
    this.#hold.setAttribute("aria-label", `Hold ${name}`);
    this.#hold.title = kind === "path" ? "A path cannot be held, because it is not straight" : "";
    if (kind !== "path") explain(this.#hold, `Padlock: holds ${name} where it is while you move the other sliders.`);
    this.#hold.disabled = kind === "path";
    this.#slider.describedBy = `${this.#note.id} ${this.#error.id}`;
  }

  get direction() {
    return this.#direction;
  }

  get amount() {
    return this.#slider.amount;
  }

  set amount(amount) {
    this.#slider.amount = amount;
  }

  /** @param {boolean} held */
  set held(held) {
    this.#hold.setAttribute("aria-pressed", String(held));
    setIcon(this.#hold, held ? "lock" : "unlock");
  }

  /** @param {boolean} swaying */
  set swaying(swaying) {
    this.#play.setAttribute("aria-pressed", String(swaying));
    setIcon(this.#play, swaying ? "pause" : "play");
  }

  /**
   * A sentence about why the server refused this slider's last amount, or null.
   * @param {string | null} sentence
   */
  set problem(sentence) {
    this.#error.hidden = !sentence;
    this.#error.replaceChildren(...(sentence ? [icon("warn"), sentence] : []));
  }

  /** @param {Direction | null} direction */
  set details(direction) {
    if (this.#report) this.#report.direction = direction;
  }

  focus() {
    this.#slider.focus();
  }

  build() {
    this.#more.setAttribute("aria-expanded", "false");
    this.append(this.#slider, this.#play, this.#hold, this.#more, this.#note, this.#error);
    this.#hold.addEventListener("click", () => {
      const held = this.#hold.getAttribute("aria-pressed") !== "true";
      this.tell("hold", { held });
    });
  }

  #toggle() {
    const open = this.#more.getAttribute("aria-expanded") !== "true";
    this.#more.setAttribute("aria-expanded", String(open));
    if (open) {
      this.append((this.#report = h("report-card")));
      this.tell("report");
    } else this.#report?.remove();
  }
}

customElements.define("direction-slider", DirectionSlider);
