/** <track-row>: one slider's amount over time: a line through its keys and through what the keyframes set. */

import { arrange, elementOf, h, s, setCurrent } from "../elements/dom.js";
import { Component } from "../elements/component.js";
import { draggable } from "../elements/dragging.js";
import { onTrack, withAmount } from "../picture/edit.js";
import { duration } from "../elements/format.js";
import { amountAlong, amounts, rekeyed, unkeyed } from "./tracks.js";
import { amountAt, clamp, coordinate, describe, spoken } from "../sliders/units.js";
import { replaced, span, stopOf } from "./walk.js";

const FINE = 0.1; // seconds a key press moves a key
const CALM = 0.03; // share of the track around neutral within which a dragged key snaps to neutral
const SAMPLES = 200;

/** Emits `alter` {walk, label, settled, key}, `choose` {place, at} and `play`. */
export class TrackRow extends Component {
  #line = s("polyline", { class: "line" });
  #zero = s("line", { class: "grid", x1: 0, x2: 1 });
  #graph = s("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" }, this.#zero, this.#line);
  #list = h("div", { role: "group" });
  /** @type {Map<number, HTMLElement>} */
  #dots = new Map();
  /** @type {Row & {direction: Direction, places: Amount[]}} */
  #given;

  /**
   * Draw the track of `direction` in a walk on a Timescale; keys snap to `points`. Keyframes' places stay in time.
   * @param {Row & {direction: Direction}} parts
   */
  show({ walk, direction, chosen, scale, points }) {
    const places = amounts(walk, direction);
    this.#given = { walk, direction, chosen, scale, points, places };
    this.#list.setAttribute("aria-label", `Keys of ${direction.name}`);
    const kept = new Map(places.map((place) => [place.id, this.#dot(place)]));
    const next = [...kept.values()];
    arrange(this.#list, next, next[0]);
    this.#dots = kept;
    const line = Array.from({ length: SAMPLES + 1 }, (_, index) => {
      const share = (index / SAMPLES) * (span(walk) / scale.seconds);
      return `${share},${(1 - this.#height(amountAlong(walk, direction, share * scale.seconds))).toFixed(4)}`;
    });
    this.#line.setAttribute("points", line.join(" "));
    for (const end of ["y1", "y2"]) this.#zero.setAttribute(end, String(1 - this.#height(direction.unit.neutral)));
  }

  build() {
    this.append(this.#graph, this.#list);
    this.#list.addEventListener("click", (event) => this.#choose(this.#placeOf(event)));
    this.#list.addEventListener("keydown", (event) => this.#press(event));
    this.#list.addEventListener("keyup", (event) => event.key === " " && event.preventDefault());
    draggable(this.#list, (event) => this.#drag(event));
  }

  /** @returns {[number, number]} */
  #ends() {
    const { unit, track } = this.#given.direction;
    return [coordinate(unit, track[0]), coordinate(unit, track[1])];
  }

  /** @param {number} amount */
  #height(amount) {
    const [low, high] = this.#ends();
    return (coordinate(this.#given.direction.unit, amount) - low) / (high - low);
  }

  /** @param {Amount} place */
  #dot(place) {
    const { direction, chosen, scale, places } = this.#given;
    const dot = this.#dots.get(place.id) ?? h("button", { type: "button", "data-id": place.id });
    const track = place.stop ? null : direction.id;
    const current = chosen?.track === track && chosen.id === place.id;
    const home = places.find(({ id, stop }) => chosen?.id === id && chosen.track === (stop ? null : direction.id)) ?? places[0];
    const where = place.stop ? "at the keyframe at" : "at";
    dot.className = place.stop ? "key fixed" : "key";
    dot.style.setProperty("--x", String(place.at / scale.seconds));
    dot.style.setProperty("--y", String(this.#height(place.amount)));
    dot.title = `${describe(direction.unit, place.amount)} at ${duration(place.at)}`;
    dot.setAttribute("aria-label", `${direction.name} ${spoken(direction.unit, place.amount)}, ${where} ${duration(place.at)}`);
    dot.tabIndex = place === home ? 0 : -1;
    setCurrent(dot, current);
    return dot;
  }

  /** @param {Event} event */
  #placeOf(event) {
    const id = Number(elementOf(event).closest(".key")?.getAttribute("data-id") ?? 0);
    return this.#given.places.find((place) => place.id === id);
  }

  /** @param {Amount | undefined} place */
  #choose(place) {
    if (!place) return;
    const track = place.stop ? null : this.#given.direction.id;
    this.tell("choose", { place: { track, id: place.id }, at: place.at });
  }

  // A key goes anywhere in time; a keyframe's place only up and down, because its time is the keyframe's own.
  /**
   * @param {Walk} walk
   * @param {Amount} place
   * @param {{at: number, position: number}} parts
   */
  #set(walk, place, { at, position }) {
    const { direction } = this.#given;
    const amount = onTrack(direction, amountAt(direction.unit, clamp(position, ...this.#ends())));
    if (!place.stop) return rekeyed(walk, direction.id, place.id, { at, amount });
    const stop = stopOf(walk, place.id);
    return stop ? replaced(walk, place.id, { edit: withAmount(stop.edit, direction, amount) }) : walk;
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    const place = this.#placeOf(event);
    if (!place) return null;
    const { walk: origin, scale, points, direction } = this.#given;
    const [low, high] = this.#ends();
    const left = scale.place(place.at) - event.clientX;
    const tall = this.getBoundingClientRect().height;
    const level = coordinate(direction.unit, place.amount);
    let next = origin;
    return {
      /** @param {PointerEvent} pointerEvent */
      move: ({ clientX, clientY, altKey }) => {
        const raw = level + ((high - low) * (event.clientY - clientY)) / tall;
        const position = Math.abs(raw) < CALM * (high - low) && !altKey ? 0 : raw;
        const at = scale.at(clientX + left);
        next = this.#set(origin, place, { at: altKey ? at : scale.snap(at, points), position });
        this.#alter(next, { settled: false });
      },
      drop: () => {
        this.#alter(next);
        this.#choose(this.#given.places.find(({ id }) => id === place.id));
      },
      cancel: () => this.#alter(origin),
    };
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const place = this.#placeOf(event);
    if (!place || event.ctrlKey || event.metaKey || event.altKey) return;
    const { walk, direction, places } = this.#given;
    /** @type {Record<string, number>} */
    const acrossSteps = { ArrowLeft: -1, ArrowRight: 1 };
    /** @type {Record<string, number>} */
    const upSteps = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
    const [along, up] = [acrossSteps[event.key], upSteps[event.key]];
    const here = coordinate(direction.unit, place.amount);
    const key = `key:${direction.id}:${place.id}`;
    if (along && event.shiftKey && !place.stop) {
      this.#alter(this.#set(walk, place, { at: place.at + along * FINE, position: here }), { key });
    } else if (along) this.#go(places[places.indexOf(place) + along]);
    else if (up) {
      const position = (Math.round(here / direction.step) + up) * direction.step;
      this.#alter(this.#set(walk, place, { at: place.at, position }), { key });
    } else if (["Delete", "Backspace"].includes(event.key) && !place.stop) {
      this.#alter(unkeyed(walk, direction.id, place.id), { label: `Key of ${direction.name} deleted` });
    } else if (event.key === " ") this.tell("play");
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {Amount | undefined} place */
  #go(place) {
    if (!place) return;
    this.#choose(place);
    this.#dots.get(place.id)?.focus();
  }

  /**
   * @param {Walk} walk
   * @param {{settled?: boolean, key?: string, label?: string}} [parts]
   */
  #alter(walk, { settled = true, key = "", label = `Key of ${this.#given.direction.name}` } = {}) {
    this.tell("alter", { walk, label, settled, key });
  }
}

customElements.define("track-row", TrackRow);
