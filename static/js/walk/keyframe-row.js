/** <keyframe-row>: the keyframes of a walk as small pictures in time, moved by dragging or with the keyboard. */

import { askAgain, thumbnail } from "../picture/thumbnails.js";
import { canonical } from "../picture/canonical.js";
import { arrange, elementOf, h, setCurrent } from "../elements/dom.js";
import { Component } from "../elements/component.js";
import { draggable } from "../elements/dragging.js";
import { duration } from "../elements/format.js";
import { altered, duplicated, fromZero, moved, moves, pace, removed, span, stopOf, swapped, tidy, until } from "./walk.js";

const FINE = 0.1; // seconds a key press moves a keyframe

/** Emits `alter` {walk, label, settled, key}, `choose` {place, at} and `play`. */
export class KeyframeRow extends Component {
  #legs = h("div", { className: "legs", "aria-hidden": "true" });
  #list = h("div", { className: "stops", role: "group", "aria-label": "Keyframes" });
  #end = h("span", { className: "handle", title: "Drag to change the time back to the first keyframe" });
  /** @type {Map<number, HTMLButtonElement>} */
  #buttons = new Map();
  /** @type {Walk} */
  #walk;
  /** @type {Timescale} */
  #scale;
  /** @type {readonly number[]} */
  #points = [];

  /**
   * Draw a walk's keyframes on a Timescale; they snap to `points`.
   * @param {Row} row
   */
  show({ walk, chosen, scale, points }) {
    [this.#walk, this.#scale, this.#points] = [walk, scale, points];
    const kept = new Map(walk.stops.map((stop, index) => [stop.id, this.#button(stop, index, chosen)]));
    const next = [...kept.values()];
    arrange(this.#list, next, kept.get(chosen?.id ?? 0) ?? next[0]);
    this.#buttons = kept;
    const legs = walk.stops.flatMap((stop) => this.#leg(stop)).filter((leg) => leg !== null);
    this.#legs.replaceChildren(...legs, ...walk.others.map((other) => this.#other(other)));
    const last = walk.stops.at(-1);
    this.#end.hidden = walk.play !== "loop" || !moves(walk);
    if (last) this.#place(this.#end, "--x", span(walk));
  }

  retry() {
    askAgain(this.#list);
  }

  build() {
    this.append(this.#legs, this.#list, this.#end);
    this.#list.addEventListener("click", (event) => this.#choose(idOf(event)));
    this.#list.addEventListener("keydown", (event) => this.#press(event));
    this.#list.addEventListener("keyup", (event) => event.key === " " && event.preventDefault());
    draggable(this.#list, (event) => this.#drag(event));
    draggable(this.#end, (event) => this.#dragEnd(event));
  }

  /**
   * @param {Stop} stop
   * @param {number} index
   * @param {Place | null} chosen
   */
  #button(stop, index, chosen) {
    const key = canonical(stop.edit);
    const button =
      this.#buttons.get(stop.id) ?? h("button", { type: "button", className: "stop", "data-id": stop.id });
    if (button.dataset.key !== key) {
      button.replaceChildren(thumbnail(stop.edit, 44, { draggable: false }));
      button.dataset.key = key;
    }
    const current = chosen?.track === null && chosen.id === stop.id;
    const { stops } = this.#walk;
    button.setAttribute("aria-label", `Keyframe ${index + 1} of ${stops.length}, at ${duration(stop.at)}`);
    button.tabIndex = current || (index === 0 && chosen?.track !== null) || !stopOf(this.#walk, chosen?.id) ? 0 : -1;
    setCurrent(button, current);
    this.#place(button, "--x", stop.at);
    return button;
  }

  /** @param {Stop} stop */
  #leg(stop) {
    const { stops, play } = this.#walk;
    const next = stops[stops.indexOf(stop) + 1];
    const back = !next && play === "loop" && moves(this.#walk);
    const rest = stop.hold ? this.#bar("rest", stop.at, stop.at + stop.hold) : null;
    if (!next && !back) return [rest];
    const from = back ? until(this.#walk) : stop.at + stop.hold;
    const way = this.#bar(back ? "leg back" : "leg", from, back ? span(this.#walk) : next.at);
    way.append(h("span", {}, duration(pace(this.#walk, stop.id))));
    return [rest, way];
  }

  /**
   * @param {string} className
   * @param {number} from
   * @param {number} to
   */
  #bar(className, from, to) {
    const bar = h("div", { className });
    this.#place(bar, "--from", from);
    this.#place(bar, "--to", to);
    return bar;
  }

  // A mark for what only a recipe can set between the keyframes, such as a class mix.
  /** @param {OtherKeyframe} otherKeyframe */
  #other({ at, classes, truncation }) {
    const sets = [classes && "classes", truncation !== undefined && "truncation"].filter(Boolean).join(" and ");
    const mark = h("i", { title: `The recipe sets ${sets} at ${duration(at)}` });
    this.#place(mark, "--x", at);
    return mark;
  }

  /**
   * @param {HTMLElement} element
   * @param {string} property
   * @param {number} at
   */
  #place(element, property, at) {
    element.style.setProperty(property, String(at / this.#scale.seconds));
  }

  /** @param {number} id */
  #choose(id) {
    const stop = stopOf(this.#walk, id);
    if (!stop) return;
    this.tell("choose", { place: { track: null, id }, at: stop.at });
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    const id = idOf(event);
    if (!id) return null;
    const [origin, scale] = [this.#walk, this.#scale];
    const before = stopOf(origin, id)?.at ?? 0;
    const points = this.#points.filter((point) => point !== before);
    const offset = scale.place(before) - event.clientX;
    let next = origin;
    return {
      /** @param {PointerEvent} pointerEvent */
      move: ({ clientX, altKey }) => {
        const at = scale.at(clientX + offset);
        next = moved(origin, id, altKey ? at : scale.snap(at, points));
        this.#alter(next, "Keyframe moved", { settled: false });
      },
      drop: () => {
        this.#alter(fromZero(next), "Keyframe moved");
        this.#choose(id);
      },
      cancel: () => this.#alter(origin, "Keyframe moved"),
    };
  }

  /** @param {PointerEvent} event */
  #dragEnd(event) {
    const [origin, scale] = [this.#walk, this.#scale];
    const last = until(origin);
    const offset = scale.place(last + origin.back) - event.clientX;
    let next = origin;
    return {
      /** @param {PointerEvent} pointerEvent */
      move: ({ clientX, altKey }) => {
        const at = scale.at(clientX + offset);
        const back = Math.max(FINE, (altKey ? at : scale.snap(at, this.#points)) - last);
        next = altered(origin, { back: tidy(back) });
        this.#alter(next, "Time back", { settled: false });
      },
      drop: () => this.#alter(next, "Time back"),
      cancel: () => this.#alter(origin, "Time back"),
    };
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const id = idOf(event);
    if (!id || event.ctrlKey || event.metaKey) return;
    /** @type {Record<string, number>} */
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    const by = steps[event.key];
    const { stops } = this.#walk;
    const at = stopOf(this.#walk, id)?.at ?? 0;
    const index = stops.findIndex((stop) => stop.id === id);
    if (by && event.altKey) this.#alter(swapped(this.#walk, id, by), "Keyframes swapped");
    else if (by && event.shiftKey) {
      this.#alter(fromZero(moved(this.#walk, id, at + by * FINE)), "Keyframe moved", { key: `stop:${id}` });
    } else if (by) this.#go(stops[index + by]);
    else if (event.key === "Home") this.#go(stops[0]);
    else if (event.key === "End") this.#go(stops.at(-1));
    else if (["Delete", "Backspace"].includes(event.key)) {
      const near = stops[index + 1] ?? stops[index - 1];
      if (near) this.#choose(near.id);
      this.#alter(removed(this.#walk, id), "Keyframe deleted");
    } else if (event.key.toLowerCase() === "d") this.#alter(duplicated(this.#walk, id), "Keyframe duplicated");
    else if (event.key === " ") this.tell("play");
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {Stop | undefined} stop */
  #go(stop) {
    if (!stop) return;
    this.#choose(stop.id);
    this.#buttons.get(stop.id)?.focus();
  }

  /**
   * @param {Walk} walk
   * @param {string} label
   * @param {{settled?: boolean, key?: string}} [parts]
   */
  #alter(walk, label, { settled = true, key = "" } = {}) {
    this.tell("alter", { walk, label, settled, key });
  }
}

/** @param {Event} event */
const idOf = (event) => Number(elementOf(event).closest(".stop")?.getAttribute("data-id") ?? 0);

customElements.define("keyframe-row", KeyframeRow);
