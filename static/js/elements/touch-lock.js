/** Keeps a vertical swipe over a range input a scroll: by touch, a slider changes after a sideways move or a tap. */

const SLACK = 8; // px before a finger has a direction

/** @typedef {{range: HTMLInputElement, value: string, wanted: string | null, x: number, y: number, vertical: boolean}} Press */

/** Follow touches on every range input of the page; the browser's own values wait until the direction is known. */
export function lockTouches() {
  /** @type {Press | null} */
  let press = null;

  document.addEventListener("pointerdown", ({ target, pointerType, clientX: x, clientY: y }) => {
    const range = target instanceof HTMLInputElement && target.type === "range" ? target : null;
    press = range && pointerType === "touch" ? { range, value: range.value, wanted: null, x, y, vertical: false } : null;
  }, true);
  for (const type of ["input", "change"]) {
    document.addEventListener(type, (event) => {
      if (!press || event.target !== press.range) return;
      event.stopImmediatePropagation();
      press.wanted = press.range.value;
      press.range.value = press.value;
    }, true);
  }
  document.addEventListener("pointermove", ({ clientX, clientY }) => {
    if (!press || press.vertical) return;
    const [dx, dy] = [Math.abs(clientX - press.x), Math.abs(clientY - press.y)];
    if (Math.max(dx, dy) < SLACK) return;
    if (dy >= dx) press.vertical = true;
    else press = null; // sideways: from here on the browser moves the thumb
  }, true);
  document.addEventListener("pointerup", () => {
    const tapped = press;
    press = null;
    if (!tapped || tapped.vertical || tapped.wanted === null) return;
    tapped.range.value = tapped.wanted;
    for (const type of ["input", "change"]) tapped.range.dispatchEvent(new Event(type, { bubbles: true }));
  }, true);
  document.addEventListener("pointercancel", () => {
    if (press) press.range.value = press.value;
    press = null;
  }, true);
}
