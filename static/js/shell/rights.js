/** Controls that a person's role does not allow: they stay visible, are disabled, and give the reason. */

import { elementOf, h } from "../elements/dom.js";

const MAKING = "learn-panel, regressor-panel, bookmark-panel";
/** @type {Record<string, string>} */
const NEEDS = {
  editor: `:is(${MAKING}) [type=submit], regressor-panel > .button, rating-panel button,
    bookmark-panel button:has([data-icon=trash]), walk-panel button:has([data-icon=sound])`,
  admin: ".generator.absent button, .button.danger, film-card button:has([data-icon=trash]), .damaged button",
};

/**
 * Mark them as `/api/me` says: `refused` has the reason for each role that is missing.
 * @param {{refused: Record<string, string>}} parts
 * @param {Page["toasts"]} toasts
 */
export function bindRights({ refused }, toasts) {
  const missing = Object.entries(refused);
  if (!missing.length) return;

  function mark() {
    for (const [role, title] of missing) {
      // Not `disabled`: they stay within reach of the keyboard, and can say why.
      for (const button of document.querySelectorAll(NEEDS[role])) Object.assign(button, { ariaDisabled: "true", title });
    }
  }

  /** @param {Event} event */
  function refuse(event) {
    const wanted = (event instanceof SubmitEvent && event.submitter) || elementOf(event);
    const reason = missing.find(([role]) => NEEDS[role] && wanted.closest(NEEDS[role]))?.[1];
    if (!reason) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    toasts.say(reason, { kind: "problem" });
  }

  for (const panel of refused.editor ? document.querySelectorAll(MAKING) : []) {
    panel.prepend(h("p", { className: "refused" }, refused.editor));
  }
  for (const type of ["click", "submit"]) document.addEventListener(type, refuse, { capture: true });
  new MutationObserver(mark).observe(document.body, { childList: true, subtree: true });
  mark();
}
