/** <score-readout>: the score that a regressor gives the picture, asked for once the picture has stopped changing. */

import { button, h } from "../elements/dom.js";
import { Component } from "../elements/component.js";

const CALM = 250; // ms without a change before the regressor is asked

/** `ask(name, edit)` gives {score, warning}; emits nothing. */
export class ScoreReadout extends Component {
  /** @type {Page["api"]["score"] | null} */
  ask = null;
  #toggle = button("Score", { "aria-pressed": false, title: "Score of this picture" });
  #value = h("output", { className: "score", hidden: true });
  /** @type {Regressor | undefined} */
  #regressor;
  /** @type {Edit | null} */
  #edit = null;
  #on = false;
  #timer = 0;
  #turn = 0;

  /**
   * The regressor to ask: {name, title, span}.
   * @param {Regressor} regressor
   */
  set regressor(regressor) {
    if (regressor?.name === this.#regressor?.name) return;
    this.#regressor = regressor;
    this.#toggle.textContent = "Score";
    this.#toggle.setAttribute("aria-label", `Score of this picture by ${regressor.title}`);
    this.#later();
  }

  /** @param {Edit | null} edit */
  set edit(edit) {
    this.#edit = edit;
    this.#later();
  }

  build() {
    this.append(this.#value, this.#toggle);
    this.#toggle.addEventListener("click", () => {
      this.#on = !this.#on;
      this.#toggle.setAttribute("aria-pressed", String(this.#on));
      this.#value.hidden = !this.#on;
      this.#later(0);
    });
  }

  #later(wait = CALM) {
    clearTimeout(this.#timer);
    if (!this.#on || !this.#edit || !this.#regressor || !this.ask) return;
    this.#value.classList.add("stale");
    this.#timer = setTimeout(() => this.#say(), wait);
  }

  async #say() {
    const turn = ++this.#turn;
    if (!this.#regressor || !this.#edit || !this.ask) return;
    const { name, title, span } = this.#regressor;
    try {
      const { score, warning } = await this.ask(name, this.#edit);
      if (turn !== this.#turn) return;
      const digits = Math.abs(span[1] - span[0]) >= 20 ? 1 : 3;
      this.#value.textContent = `${title} ${score.toFixed(digits)}`;
      this.#value.title = warning || `Typical range: ${span[0]} to ${span[1]}`;
      this.#value.dataset.score = String(score);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#value.textContent = /** @type {Problem} */ (error).message;
      delete this.#value.dataset.score;
    }
    this.#value.classList.remove("stale");
  }
}

customElements.define("score-readout", ScoreReadout);
