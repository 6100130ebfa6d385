/** <track-lane>: one slider's amount over time, as a line through its keys; keys are dragged or moved by keys. */

import { h, s } from "../dom.js";
import { draggable } from "../dragging.js";
import { onTrack } from "../edit.js";
import { duration } from "../timescale.js";
import { amountAt, coordinate, describe, spoken } from "../units.js";
import { amountAlong, rekeyed, unkeyed } from "../walk.js";

const FINE = 0.1;
const SAMPLES = 160;

/** Emits `alter` {walk, label, settled, key}, `choose` {place}, `seek` {at} and `play`. */
export class TrackLane extends HTMLElement {
  #line = s("polyline", { class: "line" });
  #zero = s("line", { class: "grid", x1: 0, x2: 1 });
  #graph = s("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" }, this.#zero, this.#line);
  #list = h("div", { className: "keys-of", role: "group" });
  #dots = new Map();
  #given = null;

  /** Draw the track of `direction` in a walk on a Timescale; keys snap to `points`. */
  show({ walk, track, direction, chosen, scale, points }) {
    this.#given = { walk, track, direction, chosen, scale, points };
    this.#list.setAttribute("aria-label", `Keys of ${direction.name}`);
    const kept = new Map(track.keys.map((key, index) => [key.id, this.#dot(key, index)]));
    const missing = this.contains(document.activeElement) && !kept.has(Number(document.activeElement.dataset.id));
    if ([...kept.values()].some((one, at) => this.#list.children[at] !== one) || kept.size !== this.#dots.size) {
      this.#list.replaceChildren(...kept.values());
    }
    this.#dots = kept;
    if (missing) [...kept.values()][0].focus();
    const points_ = Array.from({ length: SAMPLES + 1 }, (_, index) => {
      const share = index / SAMPLES;
      return `${share},${1 - this.#height(amountAlong(track, direction.unit, share * scale.seconds))}`;
    });
    this.#line.setAttribute("points", points_.join(" "));
    const level = 1 - this.#height(direction.unit.neutral);
    this.#zero.setAttribute("y1", level);
    this.#zero.setAttribute("y2", level);
  }

  connectedCallback() {
    if (this.childElementCount) return;
    this.append(this.#graph, this.#list);
    this.#list.addEventListener("click", ({ target }) => this.#choose(idOf(target)));
    this.#list.addEventListener("keydown", (event) => this.#press(event));
    this.#list.addEventListener("keyup", (event) => event.key === " " && event.preventDefault());
    draggable(this.#list, (event) => this.#drag(event));
  }

  #ends() {
    const { unit, track } = this.#given.direction;
    return track.map((end) => coordinate(unit, end));
  }

  #height(amount) {
    const [low, high] = this.#ends();
    return (coordinate(this.#given.direction.unit, amount) - low) / (high - low);
  }

  #dot(key, index) {
    const { direction, chosen, scale, track } = this.#given;
    const dot = this.#dots.get(key.id) ?? h("button", { type: "button", className: "key", "data-id": key.id });
    const current = chosen?.track === track.slider && chosen.id === key.id;
    dot.style.setProperty("--x", key.at / scale.seconds);
    dot.style.setProperty("--y", this.#height(key.amount));
    dot.title = `${describe(direction.unit, key.amount)} at ${duration(key.at)}`;
    dot.setAttribute("aria-label", `${direction.name} ${spoken(direction.unit, key.amount)}, at ${duration(key.at)}`);
    dot.tabIndex = current || (index === 0 && chosen?.track !== track.slider) ? 0 : -1;
    if (current) dot.setAttribute("aria-current", "true");
    else dot.removeAttribute("aria-current");
    return dot;
  }

  #key(id) {
    return this.#given.track.keys.find((key) => key.id === id);
  }

  #choose(id) {
    const key = this.#key(id);
    if (!key) return;
    this.#emit("choose", { place: { track: this.#given.track.slider, id } });
    this.#emit("seek", { at: key.at });
  }

  #drag(event) {
    const id = idOf(event.target);
    if (!id) return null;
    const { walk: origin, scale, points, direction, track } = this.#given;
    const key = this.#key(id);
    const [low, high] = this.#ends();
    const box = this.getBoundingClientRect();
    const left = scale.place(key.at) - event.clientX;
    const level = coordinate(direction.unit, key.amount) + ((high - low) * event.clientY) / box.height;
    let next = origin;
    return {
      move: ({ clientX, clientY, altKey }) => {
        const at = scale.at(clientX + left);
        const raw = level - ((high - low) * clientY) / box.height;
        const calm = Math.abs(raw) < 0.03 * (high - low) && !altKey ? 0 : raw;
        const amount = onTrack(direction, amountAt(direction.unit, Math.min(Math.max(calm, low), high)));
        next = rekeyed(origin, track.slider, id, { at: altKey ? at : scale.snap(at, points), amount });
        this.#alter(next, { settled: false });
      },
      drop: () => this.#alter(next),
      cancel: () => this.#alter(origin),
    };
  }

  #press(event) {
    const id = idOf(event.target);
    if (!id || event.ctrlKey || event.metaKey || event.altKey) return;
    const { walk, track, direction } = this.#given;
    const key = this.#key(id);
    const along = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const up = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (along && event.shiftKey) {
      this.#alter(rekeyed(walk, track.slider, id, { at: key.at + along * FINE }), { key: `key:${id}` });
    } else if (along) this.#go(track.keys[track.keys.indexOf(key) + along]);
    else if (up) {
      const position = Math.round(coordinate(direction.unit, key.amount) / direction.step + up) * direction.step;
      const amount = onTrack(direction, amountAt(direction.unit, position));
      this.#alter(rekeyed(walk, track.slider, id, { amount }), { key: `key:${id}` });
    } else if (["Delete", "Backspace"].includes(event.key)) {
      this.#alter(unkeyed(walk, track.slider, id), { label: `Key of ${direction.name} deleted` });
    } else if (event.key === " ") this.#emit("play", null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #go(key) {
    if (!key) return;
    this.#choose(key.id);
    this.#dots.get(key.id)?.focus();
  }

  #alter(walk, { settled = true, key = "", label = `${this.#given.direction.name} in time` } = {}) {
    this.#emit("alter", { walk, label, settled, key });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }
}

const idOf = (element) => Number(element.closest(".key")?.dataset.id ?? 0);

customElements.define("track-lane", TrackLane);
