/** The base classes of the page's custom elements: a part of the page, and a dialog that lies over it. */

import { freshId, h, iconButton } from "./dom.js";

/** A custom element that is built once and reports in events what a person asks of it. */
export class Component extends HTMLElement {
  connectedCallback() {
    if (!this.childElementCount) this.build();
  }

  /** Create the content; called when the element is first connected. */
  build() {}

  /**
   * @param {string} type
   * @param {unknown} [detail]
   */
  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /**
   * Emit an event that bubbles.
   * @param {string} type
   * @param {unknown} [detail]
   */
  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }

  /**
   * Explain in a sentence why something could not be done as asked.
   * @param {string} sentence
   */
  remark(sentence) {
    this.tell("remark", sentence);
  }

  /** Stop the plain events of the fields: the element emits its own instead. */
  keepChanges() {
    for (const type of ["input", "change"]) this.addEventListener(type, (event) => event.stopPropagation());
  }
}

/** A component that lies over the page until it is closed. */
export class Modal extends Component {
  dialog = h("dialog", { className: "modal" });

  /**
   * Set the title and the content.
   * @param {string} title
   * @param {...Node} content
   */
  fill(title, ...content) {
    const heading = h("h2", { id: freshId("modal") }, title);
    const close = iconButton("close", "Close", { onclick: () => this.dialog.close() });
    this.dialog.setAttribute("aria-labelledby", heading.id);
    this.dialog.replaceChildren(h("div", { className: "section-head" }, heading, close), ...content);
    this.append(this.dialog);
  }
}
