/** <shortcuts-dialog>: every key the page listens to, and the switch for the single letters. */

import { SHORTCUTS, singleKeysOn, switchSingleKeys } from "../shortcuts.js";
import { definitions, h, Modal } from "../dom.js";
import { check } from "../form.js";

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

class ShortcutsDialog extends Modal {
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

function table(title, rows) {
  const keyed = rows.map(([keys, about]) => [h("kbd", {}, keys), about]);
  return h("section", {}, h("h3", {}, title), definitions(keyed, { className: "keys" }));
}

customElements.define("shortcuts-dialog", ShortcutsDialog);
