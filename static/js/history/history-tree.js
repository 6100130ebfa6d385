/** <history-tree>: every step as a small picture, in rows that branch, with undo, redo and a click to go to any step. */

import { askAgain, thumbnail } from "../picture/thumbnails.js";
import { canonical } from "../picture/canonical.js";
import { elementOf, h, iconButton, setCurrent } from "../elements/dom.js";
import { roving } from "../elements/roving.js";
import { Component } from "../elements/component.js";

/** Emits `undo`, `redo`, and `goto` with {id}. */
export class HistoryTree extends Component {
  #undo = iconButton("undo", "Undo", { title: "Undo (Ctrl+Z)", onclick: () => this.emit("undo") });
  #redo = iconButton("redo", "Redo", { title: "Redo (Ctrl+Shift+Z)", onclick: () => this.emit("redo") });
  #rows = h("ol", { className: "branches" });
  /** @type {Map<number, HTMLButtonElement>} */
  #buttons = new Map();

  /**
   * Follow a History. Steps already drawn keep their element and picture.
   * @param {import("./history.js").History} history
   */
  show(history) {
    const rows = history.rows();
    const now = history.current?.id;
    this.#undo.disabled = !history.canUndo;
    this.#redo.disabled = !history.canRedo;
    const branches = rows.map(({ depth, nodes }) => {
      const row = h(
        "ol",
        { className: "branch" },
        ...nodes.map((node) => h("li", {}, this.#step(node, node.id === now))),
      );
      row.style.setProperty("--depth", String(Math.min(depth, 4)));
      if (depth) row.setAttribute("aria-label", "Branch");
      return h("li", { className: depth ? "forked" : "" }, row);
    });
    const hadFocus = this.#rows.contains(document.activeElement);
    this.#rows.replaceChildren(...branches);
    const here = this.#buttons.get(now ?? 0);
    if (hadFocus) here?.focus({ preventScroll: true });
    this.#reveal(here);
  }

  retry() {
    askAgain(this.#rows);
  }

  build() {
    const head = h("div", { className: "section-head" }, h("h3", {}, "History"), this.#undo, this.#redo);
    this.append(head, this.#rows);
    roving(this.#rows, "button");
    this.#rows.addEventListener("click", (event) => {
      const id = elementOf(event).closest("button")?.dataset.id;
      if (id) this.emit("goto", { id: Number(id) });
    });
  }

  // Scrolls the list alone: scrollIntoView would move the whole column under the reader's eyes.
  /** @param {HTMLElement | undefined} button */
  #reveal(button) {
    if (!button) return;
    const [list, box] = [this.#rows.getBoundingClientRect(), button.getBoundingClientRect()];
    if (box.bottom > list.bottom) this.#rows.scrollTop += box.bottom - list.bottom + 8;
    if (box.top < list.top) this.#rows.scrollTop -= list.top - box.top + 8;
  }

  /**
   * @param {HistoryNode} node
   * @param {boolean} current
   */
  #step(node, current) {
    const key = canonical(node.edit);
    const old = this.#buttons.get(node.id);
    const button = old?.dataset.key === key ? old : this.#draw(node, key);
    button.title = node.label;
    button.setAttribute("aria-label", `Step ${node.id}: ${node.label}`);
    setCurrent(button, current, "step");
    return button;
  }

  /**
   * @param {HistoryNode} node
   * @param {string} key
   */
  #draw(node, key) {
    const picture = thumbnail(node.edit, 48, { loading: "lazy" });
    const button = h("button", { type: "button", "data-id": node.id, "data-key": key }, picture);
    this.#buttons.set(node.id, button);
    return button;
  }
}

customElements.define("history-tree", HistoryTree);
