/** <film-library>: the films made so far, and whether a file somebody has was made here. */

import { h, iconButton } from "../dom.js";
import "./film-card.js";

/** Emits what its cards emit, and `check` {file}. */
export class FilmLibrary extends HTMLElement {
  #list = h("ul", { className: "exports" });
  #check = iconButton("search", "Did we make this?", { showName: true, className: "button outlined", title: "Ask about a file" });
  #file = h("input", { type: "file", accept: "image/*,video/*,.zip", hidden: true, "aria-label": "File to ask about" });
  #answer = h("div", { className: "answer", role: "status" });
  #about = h("p", { className: "fine" });

  /** The finished films; those already listed keep their element, and go on playing. */
  set films(films) {
    const known = new Map([...this.#list.children].map((item) => [item.dataset.id, item]));
    this.#list.replaceChildren(
      ...films.map((film) => known.get(film.id) ?? h("li", { "data-id": film.id }, h("film-card", { film }))),
    );
    if (!films.length) this.#list.append(h("li", { className: "empty" }, "No films yet."));
  }

  /** What signs the films, in one sentence. */
  set about(sentence) {
    this.#about.textContent = sentence;
  }

  /** What was found about a file: {name, made, sentence, credential}. */
  set answer({ name, made, sentence, credential }) {
    const verdict = { here: "done", alike: "weak", no: "none" }[made];
    const word = { here: "made here", alike: "looks alike", no: "not from here" }[made];
    this.#answer.replaceChildren(
      h("p", {}, h("span", { className: "badge", "data-verdict": verdict }, word), ` ${name}`),
      h("p", { className: "fine" }, sentence),
      credential?.sentence ? h("p", { className: "fine" }, credential.sentence) : "",
    );
  }

  connectedCallback() {
    if (this.childElementCount) return;
    const ask = h("section", { className: "stack" }, h("div", {}, this.#check, this.#file), this.#answer, this.#about);
    this.append(h("h3", {}, "Films"), this.#list, ask);
    const tell = (file) => this.dispatchEvent(new CustomEvent("check", { detail: { file } }));
    this.#check.addEventListener("click", () => this.#file.click());
    this.#file.addEventListener("change", (event) => {
      event.stopPropagation();
      if (this.#file.files.length) tell(this.#file.files[0]);
      this.#file.value = "";
    });
    // A file dropped on this button is asked about; anywhere else on the page it is opened.
    ask.addEventListener("drop", (event) => {
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      tell(event.dataTransfer.files[0]);
    });
  }
}

customElements.define("film-library", FilmLibrary);
