/** Dragging with a pointer: starts after a few pixels, captures the pointer, and is undone by Escape or a lost pointer. */

const SLACK = 4;

/**
 * Follow a press on `element`. `begin(event)` returns {move(event), drop(), cancel()} or null for "not here".
 * @param {HTMLElement} element
 * @param {(event: PointerEvent) => Drag | null} begin
 */
export function draggable(element, begin) {
  element.addEventListener("pointerdown", (start) => {
    if (start.button !== 0) return;
    const drag = begin(start);
    if (!drag) return;
    const over = new AbortController();
    const { signal } = over;
    let going = false;
    /** @param {"drop" | "cancel"} how */
    const finish = (how) => {
      over.abort();
      if (going) drag[how]();
    };
    document.addEventListener(
      "pointermove",
      (event) => {
        if (!going && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) >= SLACK) {
          going = true;
          element.setPointerCapture(start.pointerId); // not before: a captured press is no click of what was pressed
        }
        if (going) drag.move(event);
      },
      { signal },
    );
    document.addEventListener("pointerup", () => finish("drop"), { signal });
    document.addEventListener("pointercancel", () => finish("cancel"), { signal });
    document.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        finish("cancel");
      },
      { signal, capture: true },
    );
  });
}
