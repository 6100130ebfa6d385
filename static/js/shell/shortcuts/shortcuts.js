/** The keyboard shortcuts, and the setting that turns off the single-letter ones (WCAG 2.1.4). */

import { elementOf } from "../../elements/dom.js";
import { MODES } from "../modes.js";

const KEY = "latentwalk.single-keys";

/**
 * Every shortcut, for the keys and for the dialog that lists them, as `shown` where that is not the key itself.
 * @type {readonly {command: string, key: string, shown?: string, about: string}[]}
 */
export const SHORTCUTS = Object.freeze([
  { command: "compare", key: "c", shown: "C (hold)", about: "Show the picture without sliders" },
  { command: "roll", key: "r", about: "Random seed" },
  { command: "rest", key: "0", about: "Reset all sliders" },
  { command: "search", key: "/", about: "Find a slider" },
  { command: "share", key: "s", about: "Copy a link to this picture" },
  { command: "save", key: "p", about: "Download the picture" },
  { command: "learn", key: "l", about: "Learn a slider" },
  { command: "attributes", key: "j", about: "Attributes and scores" },
  { command: "walk", key: "w", about: "Show or hide the timeline" },
  { command: "keyframe", key: "k", about: "Add a keyframe" },
  { command: "update", key: "u", about: "Update the selected keyframe" },
  { command: "play", key: " ", shown: "Space", about: "Stop the sliders that play; play or pause the walk" },
  ...MODES.map(({ id, key, about }) => ({ command: `mode:${id}`, key, about })),
  { command: "export", key: "e", about: "Export the walk" },
  { command: "bookmarks", key: "b", about: "Bookmarks" },
  { command: "help", key: "?", about: "Show these shortcuts" },
]);

export const singleKeysOn = () => localStorage.getItem(KEY) !== "off";

/** @param {boolean} on */
export function switchSingleKeys(on) {
  if (on) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, "off");
}

/**
 * Listen on the document and call `commands[name](pressed)`; only `compare` hears `false`, when its key is let go.
 * @param {Record<string, (pressed: boolean) => unknown>} commands
 */
export function listen(commands) {
  document.addEventListener("keydown", (event) => {
    const typing = elementOf(event).matches("input:not([type=range], [type=radio], [type=checkbox]), select, textarea");
    if ((event.ctrlKey || event.metaKey) && !event.altKey) {
      const name = { z: event.shiftKey ? "redo" : "undo", y: "redo" }[event.key.toLowerCase()];
      if (!name || typing) return;
      event.preventDefault();
      return commands[name](true);
    }
    if (typing || event.altKey || event.ctrlKey || event.metaKey || !singleKeysOn()) return;
    const found = SHORTCUTS.find(({ key }) => key === event.key.toLowerCase());
    if (!found || event.repeat || document.querySelector("dialog:modal")) return;
    if (found.key === " " && elementOf(event).closest("button, a, summary, input")) return; // space presses these
    event.preventDefault();
    commands[found.command](true);
  });
  document.addEventListener("keyup", (event) => event.key.toLowerCase() === "c" && commands.compare(false));
  window.addEventListener("blur", () => commands.compare(false));
}
