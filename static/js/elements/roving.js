/** Groups of buttons that are one stop of the Tab key; the arrow keys go from one to the next. */

import { elementOf } from "./dom.js";

/**
 * Make the matching elements of a container such a group. Elements may come and go.
 * @param {HTMLElement} container
 * @param {string} selector
 */
export function roving(container, selector) {
  /** @returns {HTMLElement[]} */
  const usable = () =>
    [.../** @type {NodeListOf<HTMLElement>} */ (container.querySelectorAll(selector))].filter(
      (one) => !one.matches(":disabled") && one.checkVisibility(),
    );
  /** @param {HTMLElement | undefined} stop */
  const mark = (stop) => {
    /** @type {NodeListOf<HTMLElement>} */
    const all = container.querySelectorAll(selector);
    for (const one of all) one.tabIndex = one === stop ? 0 : -1;
  };
  const settle = () => {
    const items = usable();
    const focused = items.find((one) => one === document.activeElement);
    const current = items.find((one) => one.hasAttribute("aria-current"));
    if (focused || !items.some((one) => one.tabIndex === 0) || current) mark(focused ?? current ?? items[0]);
  };
  container.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const items = usable();
    const at = items.findIndex((one) => one === elementOf(event).closest(selector));
    /** @type {Record<string, number>} */
    const places = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
    const place = places[event.key];
    if (at < 0 || place === undefined) return;
    event.preventDefault();
    items[place]?.focus();
  });
  // Whatever was shown, hidden or drawn anew meanwhile: Tab comes from another element, and finds one stop.
  document.addEventListener("focusin", settle);
  addEventListener("resize", settle);
  settle();
}
