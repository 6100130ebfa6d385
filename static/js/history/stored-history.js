/** Keeps the history in the tab's session storage, so that a reload loses nothing. */

import { parseEdit } from "../picture/parse-edit.js";
import { reviveWalk } from "../walk/timeline-json.js";

const STORED = "latentwalk.history";

/**
 * Store the history whenever it changes.
 * @param {import("./history.js").History} history
 */
export function keepHistory(history) {
  history.addEventListener("change", () => {
    try {
      sessionStorage.setItem(STORED, JSON.stringify(history));
    } catch {
      sessionStorage.setItem(STORED, JSON.stringify(history.tip())); // browsers limit this storage to a few megabytes
    }
  });
}

/**
 * Restore what this tab stored, if anything.
 * @param {import("./history.js").History} history
 */
export function restoreHistory(history) {
  try {
    history.restore(JSON.parse(sessionStorage.getItem(STORED) ?? "null"), parseEdit, reviveWalk);
  } catch {
    sessionStorage.removeItem(STORED); // written by another version of the page
  }
}
