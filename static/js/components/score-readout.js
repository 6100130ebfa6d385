/** <score-readout>: what a judge says of the picture on screen, once it has come to rest. */

import { button, h, Part } from "../dom.js";

const CALM = 250; // ms of rest before a judge is asked

/** `ask(name, edit)` gives {score, warning}; emits nothing. */
class ScoreReadout extends Part {
  ask = null;
  #toggle = button("", { "aria-pressed": false, title: "Score of this picture" });
  #value = h("output", { className: "score", hidden: true });
  #judge = null;
  #edit = null;
  #on = false;
  #timer = 0;
  #turn = 0;

  /** The judge that is asked: {name, title, span}. */
  set judge(judge) {
    if (judge?.name === this.#judge?.name) return;
    this.#judge = judge;
    this.#toggle.textContent = "Score";
    this.#toggle.setAttribute("aria-label", `Score of this picture by ${judge.title}`);
    this.#later();
  }

  set edit(edit) {
    this.#edit = edit;
    this.#later();
  }

  build() {
    this.append(this.#value, this.#toggle);
    this.#toggle.addEventListener("click", () => {
      this.#on = !this.#on;
      this.#toggle.setAttribute("aria-pressed", this.#on);
      this.#value.hidden = !this.#on;
      this.#later(0);
    });
  }

  #later(wait = CALM) {
    clearTimeout(this.#timer);
    if (!this.#on || !this.#edit || !this.#judge || !this.ask) return;
    this.#value.classList.add("stale");
    this.#timer = setTimeout(() => this.#say(), wait);
  }

  async #say() {
    const turn = ++this.#turn;
    const { name, title, span } = this.#judge;
    try {
      const { score, warning } = await this.ask(name, this.#edit);
      if (turn !== this.#turn) return;
      const digits = Math.abs(span[1] - span[0]) >= 20 ? 1 : 3;
      this.#value.textContent = `${title} ${score.toFixed(digits)}`;
      this.#value.title = warning || `Usually ${span[0]} to ${span[1]}`;
      this.#value.dataset.score = score;
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#value.textContent = error.message;
      delete this.#value.dataset.score;
    }
    this.#value.classList.remove("stale");
  }
}

customElements.define("score-readout", ScoreReadout);
