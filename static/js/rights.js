/** What a person's link lets them do: the rest stays in sight, disabled, and says why. */

const NEEDS = {
  editor: `learn-panel [type=submit], judge-panel [type=submit], judge-panel > .button, rating-desk button,
    walk-panel button:has([data-icon=sound])`,
  admin: ".generator.absent button, .button.danger, film-card button:has([data-icon=trash])",
};
const PANELS = { editor: ["learn-panel", "judge-panel"], admin: [] };

/** Wire them for what `/api/me` says: `refused` holds a sentence for each role that is missing. */
export function wireRights({ refused }, toasts) {
  const missing = Object.entries(refused);
  if (!missing.length) return;
  const reasonFor = (element) => missing.find(([role]) => element.closest(NEEDS[role]))?.[1];

  function mark() {
    for (const [role, reason] of missing) {
      for (const button of document.querySelectorAll(NEEDS[role])) {
        button.ariaDisabled = "true"; // and not `disabled`: it stays within reach of the keyboard, and can say why
        button.title = reason;
      }
    }
  }

  function refuse(event) {
    const reason = reasonFor(event.submitter ?? event.target);
    if (!reason) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    toasts.say(reason, { kind: "problem" });
  }

  for (const [role, reason] of missing) {
    for (const panel of PANELS[role]) {
      const note = Object.assign(document.createElement("p"), { className: "refused", textContent: reason });
      document.querySelector(panel).prepend(note);
    }
  }
  for (const type of ["click", "submit"]) document.addEventListener(type, refuse, { capture: true });
  new MutationObserver(mark).observe(document.body, { childList: true, subtree: true });
  mark();
}
