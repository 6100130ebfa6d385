/** <film-library>: the films made so far, and a check whether a file was made here. */

import { childrenBy, h, iconButton } from "../elements/dom.js";
import { Component } from "../elements/component.js";
import "./film-card.js";

/** Emits what its cards emit, and `check` {file}. */
export class FilmLibrary extends Component {
  #list = h("ul", { className: "exports" });
  #check = iconButton("search", "Was this made here?", {
    showName: true,
    className: "button outlined",
    title: "Check whether this server made a file",
    onclick: () => this.#file.click(),
  });
  #file = h("input", { type: "file", accept: "image/*,video/*,.zip", hidden: true, "aria-label": "File to check" });
  #answer = h("div", { className: "answer", role: "status" });
  #about = h("p", { className: "fine" });

  /**
   * The finished films; those already listed keep their element, and go on playing.
   * @param {Film[]} films
   */
  set films(films) {
    const known = childrenBy("id", this.#list);
    this.#list.replaceChildren(
      ...films.map((film) => known.get(film.id) ?? h("li", { "data-id": film.id }, h("film-card", { film }))),
    );
    if (!films.length) this.#list.append(h("li", { className: "empty" }, "No films yet."));
  }

  /** @param {string} sentence */
  set about(sentence) {
    this.#about.textContent = sentence;
  }

  /**
   * What was found about a file: {name, made, sentence, credential}.
   * @param {{name: string, made: "here" | "alike" | "no", sentence: string, credential?: {sentence: string}}} parts
   */
  set answer({ name, made, sentence, credential }) {
    const verdict = { here: "done", alike: "weak", no: "none" }[made];
    const word = { here: "made here", alike: "similar", no: "not made here" }[made];
    this.#answer.replaceChildren(
      h("p", {}, h("span", { className: "badge", "data-verdict": verdict }, word), ` ${name}`),
      h("p", { className: "fine" }, sentence),
      credential?.sentence ? h("p", { className: "fine" }, credential.sentence) : "",
    );
  }

  build() {
    const ask = h("section", { className: "stack" }, h("div", {}, this.#check, this.#file), this.#answer, this.#about);
    this.append(h("h3", {}, "Films"), this.#list, ask);
    /** @param {File} file */
    const tell = (file) => this.emit("check", { file });
    this.#file.addEventListener("change", (event) => {
      event.stopPropagation();
      const [file] = this.#file.files ?? [];
      if (file) tell(file);
      this.#file.value = "";
    });
    // A file dropped here is checked; anywhere else on the page it is opened.
    ask.addEventListener("drop", (event) => {
      const [file] = event.dataTransfer?.files ?? [];
      if (!file) return;
      event.preventDefault();
      tell(file);
    });
  }
}

customElements.define("film-library", FilmLibrary);
