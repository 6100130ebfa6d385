/** <shortcuts-dialog>: every key the page listens to, and the switch for the single letters. */

import { SHORTCUTS, singleKeysOn, switchSingleKeys } from "../shortcuts.js";
import { h, iconButton } from "../dom.js";

const ON_SLIDERS = [
  ["← →", "One step"],
  ["Page Up / Down", "Ten steps"],
  ["Home / End", "The ends of the track"],
  ["Delete", "Back to no change"],
];
const ON_TIMELINE = [
  ["← →", "The keyframe before or after; on the ruler one frame"],
  ["Shift ← →", "Move it in time"],
  ["Alt ← →", "Exchange it with its neighbour"],
  ["↑ ↓", "The amount of a track’s key"],
  ["D", "Duplicate"],
  ["Delete", "Delete"],
  ["Space", "Play or pause"],
];
const ALWAYS = [
  ["Ctrl Z", "Undo"],
  ["Ctrl Shift Z", "Redo"],
];

export class ShortcutsDialog extends HTMLElement {
  #dialog = h("dialog", { className: "modal", "aria-labelledby": "shortcuts-title" });

  open() {
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  connectedCallback() {
    if (this.childElementCount) return;
    const close = iconButton("close", "Close");
    const box = h("input", { type: "checkbox", checked: singleKeysOn() });
    const letters = SHORTCUTS.map(({ shown, about }) => [shown, about]);
    close.addEventListener("click", () => this.#dialog.close());
    box.addEventListener("change", () => switchSingleKeys(box.checked));
    this.#dialog.append(
      h("div", { className: "section-head" }, h("h2", { id: "shortcuts-title" }, "Shortcuts"), close),
      table("Anywhere", [...ALWAYS, ...letters]),
      table("On a slider", ON_SLIDERS),
      table("On the timeline", ON_TIMELINE),
      h("label", { className: "check" }, box, "Single-letter shortcuts"),
    );
    this.append(this.#dialog);
  }
}

function table(title, rows) {
  const pairs = rows.flatMap(([keys, about]) => [h("dt", {}, h("kbd", {}, keys)), h("dd", {}, about)]);
  return h("section", {}, h("h3", {}, title), h("dl", { className: "keys" }, ...pairs));
}

customElements.define("shortcuts-dialog", ShortcutsDialog);
