/** Explanations of the page's own words, shown while the pointer or the focus is on an element with `data-tip`. */

import { elementOf, freshId, h } from "./dom.js";

const GAP = 6;

/**
 * Let an element explain itself; one that is no control becomes a stop of the Tab key.
 * @template {HTMLElement} Owner
 * @param {Owner} owner
 * @param {string} text
 * @returns {Owner}
 */
export function explain(owner, text) {
  owner.dataset.tip = text;
  if (!owner.matches("button, input, label")) owner.tabIndex = 0;
  return owner;
}

/** Show the tips of this page, one at a time; Escape hides one, and the pointer may rest on it. */
export function showTips() {
  const tip = h("div", { className: "tip", role: "tooltip", id: freshId("tip"), hidden: true });
  /** @type {HTMLElement | null} */
  let owner = null;
  document.body.append(tip);

  function hide() {
    const rest = (owner?.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== tip.id);
    if (rest.length) owner?.setAttribute("aria-describedby", rest.join(" "));
    else owner?.removeAttribute("aria-describedby");
    owner = null;
    tip.hidden = true;
  }

  /** @param {HTMLElement} wanted */
  function show(wanted) {
    if (owner === wanted) return;
    hide();
    owner = wanted;
    const others = wanted.getAttribute("aria-describedby");
    wanted.setAttribute("aria-describedby", [others, tip.id].filter(Boolean).join(" "));
    tip.textContent = wanted.dataset.tip ?? "";
    tip.hidden = false;
    const [at, size] = [wanted.getBoundingClientRect(), tip.getBoundingClientRect()];
    const above = at.top - size.height - GAP;
    const left = Math.min(Math.max(8, at.left), innerWidth - size.width - 8);
    tip.style.left = `${left}px`;
    tip.style.top = `${above >= 8 ? above : at.bottom + GAP}px`;
  }

  /** @param {Event} event */
  const from = (event) => /** @type {HTMLElement | null} */ (elementOf(event).closest("[data-tip]"));
  document.addEventListener("mouseover", (event) => {
    const wanted = from(event);
    if (wanted) show(wanted);
    else if (owner && !tip.contains(elementOf(event)) && owner !== document.activeElement) hide();
  });
  document.addEventListener("focusin", (event) => {
    const wanted = from(event);
    if (wanted?.matches(":focus-visible")) show(wanted);
    else if (wanted !== owner) hide();
  });
  document.addEventListener("focusout", hide);
  document.addEventListener("scroll", hide, { capture: true, passive: true });
  document.addEventListener("keydown", ({ key }) => key === "Escape" && hide());
}
