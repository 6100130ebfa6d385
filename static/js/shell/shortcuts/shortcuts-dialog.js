/** <shortcuts-dialog>: the list of keyboard shortcuts, and the setting for the single-letter ones. */

import { SHORTCUTS, singleKeysOn, switchSingleKeys } from "./shortcuts.js";
import { definitions, h } from "../../elements/dom.js";
import { Modal } from "../../elements/component.js";
import { check } from "../../elements/form.js";

const ON_SLIDERS = [
  ["← →", "One step"],
  ["Page Up / Down", "Ten steps"],
  ["Home / End", "Ends of the track"],
  ["Delete", "Reset to neutral"],
];
const ON_TIMELINE = [
  ["← →", "Previous or next keyframe; one frame on the ruler"],
  ["Shift ← →", "Move the keyframe in time"],
  ["Alt ← →", "Swap the keyframe with its neighbour"],
  ["↑ ↓", "Change the amount of a key"],
  ["D", "Duplicate"],
  ["Delete", "Delete"],
  ["Space", "Play or pause"],
];
const ALWAYS = [
  ["Ctrl Z", "Undo"],
  ["Ctrl Shift Z", "Redo"],
];

export class ShortcutsDialog extends Modal {
  open() {
    if (!this.dialog.open) this.dialog.showModal();
  }

  build() {
    const box = h("input", { type: "checkbox", checked: singleKeysOn() });
    const letters = SHORTCUTS.map(({ key, shown = key.toUpperCase(), about }) => [shown, about]);
    box.addEventListener("change", () => switchSingleKeys(box.checked));
    this.fill(
      "Shortcuts",
      table("Anywhere", [...ALWAYS, ...letters]),
      table("On a slider", ON_SLIDERS),
      table("On the timeline", ON_TIMELINE),
      check(box, "Single-letter shortcuts"),
    );
  }
}

/**
 * @param {string} title
 * @param {string[][]} rows
 */
function table(title, rows) {
  const keyed = rows.map(([keys, about]) => [h("kbd", {}, keys), about]);
  return h("section", {}, h("h3", {}, title), definitions(keyed, { className: "keys" }));
}

customElements.define("shortcuts-dialog", ShortcutsDialog);
