/** <walk-rows>: a walk drawn over time: ruler, playhead, keyframes, a row for the track of each slider, and the sound. */

import { clamp } from "../sliders/units.js";
import { arrange, childrenBy, detailOf, h, iconButton, s } from "../elements/dom.js";
import { Component } from "../elements/component.js";
import { draggable } from "../elements/dragging.js";
import { duration } from "../elements/format.js";
import { clock, Timescale } from "./timescale.js";
import { untracked } from "./tracks.js";
import { EMPTY, span } from "./walk.js";
import "./keyframe-row.js";
import "./track-row.js";

const ROOM = 1.08; // beyond the end, to drag the last keyframe into
const FRAME = 1 / 30;

/** Emits what its rows emit, `seek` {at}, `key` {slider} for a key at the playhead, `mute` to remove the sound. */
export class WalkRows extends Component {
  #ticks = h("div", { className: "ticks", "aria-hidden": "true" });
  #ruler = h("div", { className: "ruler", role: "slider", tabIndex: 0, "aria-label": "Playhead", "aria-valuemin": 0 });
  #stops = h("keyframe-row");
  #tracks = h("div", { className: "tracks" });
  #sound = h("div", { className: "timeline-row sound", hidden: true });
  #head = h("div", { className: "playhead", "aria-hidden": "true" });
  #beats = h("div", { className: "beats", "aria-hidden": "true" });
  #over = h("div", { className: "over" }, this.#beats, this.#head);
  /** @type {{walk: Walk, chosen: Place | null, directions: Direction[], wave: Wave | null} | undefined} */
  #shown;
  /** @type {Timescale | null} */
  #frozen = null;
  #outline = s("polygon");
  #wave = s("svg", { class: "wave", preserveAspectRatio: "none", "aria-hidden": "true" }, this.#outline);
  /** @type {Wave | null} */
  #drawn = null;
  #at = 0;
  /** @type {AbortController} */
  #gone = new AbortController();

  /**
   * Draw a walk; `directions` give the tracks' names and units.
   * @param {{walk: Walk, chosen: Place | null, directions: Direction[], wave: Wave | null}} shown
   */
  show(shown) {
    this.#shown = shown;
    const { walk, chosen, directions } = shown;
    const scale = this.#scale();
    const points = [...walk.beats, this.#at];
    const own = [...walk.stops.map(({ at }) => at), ...walk.tracks.flatMap(({ keys }) => keys.map(({ at }) => at))];
    this.#stops.show({ walk, chosen, scale, points: [...points, ...own] });
    const rows = childrenBy("slider", this.#tracks);
    const kept = walk.tracks.map((track) => {
      const direction = directions.find(({ id }) => id === track.slider);
      if (!direction) return null;
      const row = rows.get(track.slider) ?? this.#trackRow(direction);
      row.querySelector("track-row")?.show({ walk, direction, chosen, scale, points: [...points, ...own] });
      return row;
    });
    arrange(this.#tracks, kept.filter((row) => row !== null), this.#ruler);
    this.#rule(scale);
    this.#hear(shown, scale);
    this.#ruler.setAttribute("aria-valuemax", span(walk).toFixed(2));
    this.at = this.#at;
  }

  /** @param {number} seconds */
  set at(seconds) {
    this.#at = seconds;
    if (!this.#shown) return;
    this.#over.style.setProperty("--x", String(seconds / this.#scale().seconds));
    this.#ruler.setAttribute("aria-valuenow", seconds.toFixed(2));
    this.#ruler.setAttribute("aria-valuetext", `${duration(seconds)} of ${duration(span(this.#walk))}`);
  }

  retry() {
    this.#stops.retry();
  }

  connectedCallback() {
    this.#gone = new AbortController();
    const resized = new ResizeObserver(() => this.#shown && this.show(this.#shown));
    resized.observe(this.#ruler);
    this.#gone.signal.addEventListener("abort", () => resized.disconnect());
    super.connectedCallback();
  }

  build() {
    /**
     * @param {string | Node} name
     * @param {HTMLElement} inner
     * @param {string} className
     */
    const row = (name, inner, className) =>
      h("div", { className: `timeline-row ${className}` }, h("div", { className: "gutter" }, name), inner);
    this.#ruler.append(this.#ticks);
    this.append(
      row("", this.#ruler, "time"),
      row(h("span", { className: "fine" }, "Keyframes"), this.#stops, "keyframes"),
      this.#tracks,
      this.#sound,
      this.#over,
    );
    this.#ruler.addEventListener("keydown", (event) => this.#press(event));
    this.#ruler.addEventListener("pointerdown", (event) => event.button === 0 && this.#seek(event));
    draggable(this.#ruler, () => ({ /** @param {Event} event */
    move: (event) => this.#seek(event), drop: () => {}, cancel: () => {} }));
    // While something is dragged the ruler keeps its scale, or the thing would run away from under the pointer.
    this.addEventListener("alter", (event) => (this.#frozen = detailOf(event).settled ? null : this.#scale()));
  }

  disconnectedCallback() {
    this.#gone.abort();
  }

  get #walk() {
    return this.#shown?.walk ?? EMPTY;
  }

  #scale() {
    if (this.#frozen) return this.#frozen;
    return new Timescale(Math.max(span(this.#walk), 2) * ROOM, this.#ruler.clientWidth);
  }

  /** @param {Timescale} scale */
  #rule(scale) {
    const marks = scale.ticks().map((at) => {
      const text = at < 60 ? String(Number(at.toFixed(2))) : clock(at).replace(/\.00$/, "");
      return this.#mark(h("span", {}, text), at / scale.seconds);
    });
    this.#ticks.replaceChildren(...marks);
  }

  /**
   * @param {{walk: Walk, wave: Wave | null}} parts
   * @param {Timescale} scale
   */
  #hear({ walk, wave }, scale) {
    const marks = walk.beats.filter((at) => at <= scale.seconds).map((at) => this.#mark(h("i"), at / scale.seconds));
    this.#beats.replaceChildren(...marks);
    this.#sound.hidden = !walk.audio;
    if (!walk.audio) return;
    const { name, sha256 } = walk.audio;
    if (this.#sound.dataset.of !== sha256) this.#build(name, sha256, walk.beats);
    this.#wave.toggleAttribute("hidden", !wave);
    this.#wave.style.setProperty("--to", String((wave?.seconds ?? 0) / scale.seconds));
    if (!wave || this.#drawn === wave) return;
    this.#drawn = wave;
    const { peaks } = wave;
    const upper = peaks.map((peak, index) => `${index},${50 - 48 * peak}`);
    const lower = peaks.map((peak, index) => `${index},${50 + 48 * peak}`).reverse();
    this.#wave.setAttribute("viewBox", `0 0 ${Math.max(1, peaks.length - 1)} 100`);
    this.#outline.setAttribute("points", [...upper, ...lower].join(" "));
  }

  /**
   * @param {string} name
   * @param {string} sha256
   * @param {readonly number[]} beats
   */
  #build(name, sha256, beats) {
    this.#sound.dataset.of = sha256;
    const remove = iconButton("close", `Remove ${name}`, {
      title: "Remove the sound and its beats",
      onclick: () => this.tell("mute"),
    });
    const about = h("span", { className: "unseen" }, `${beats.length} beats`);
    const gutter = gutterOf(name, about, remove);
    this.#sound.replaceChildren(gutter, h("div", { className: "way" }, this.#wave));
  }

  /**
   * @param {HTMLElement} element
   * @param {number} share
   */
  #mark(element, share) {
    element.style.setProperty("--x", String(share));
    return element;
  }

  /** @param {Direction} direction */
  #trackRow(direction) {
    const { id, name } = direction;
    const key = iconButton("diamond", `Set a key of ${name} at the playhead`, { title: "Set a key at the playhead" });
    const remove = iconButton("close", `Remove the track of ${name}`, {
      title: "Remove the track",
      onclick: () => this.tell("alter", { walk: untracked(this.#walk, id), label: `Track of ${name} removed`, settled: true }),
    });
    key.addEventListener("click", () => this.tell("key", { slider: id }));
    const gutter = gutterOf(name, key, remove);
    return h("div", { className: "timeline-row track", "data-slider": id }, gutter, h("track-row"));
  }

  /** @param {MouseEvent} event */
  #seek(event) {
    const box = this.#ruler.getBoundingClientRect();
    const at = this.#scale().at(event.clientX - box.left);
    this.tell("seek", { at: clamp(at, 0, span(this.#walk)) });
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const end = span(this.#walk);
    /** @type {Record<string, number>} */
    const steps = { ArrowRight: FRAME, ArrowUp: FRAME, ArrowLeft: -FRAME, ArrowDown: -FRAME, PageUp: 1, PageDown: -1 };
    /** @type {Record<string, number>} */
    const places = { Home: 0, End: end };
    const by = steps[event.key];
    const to = places[event.key] ?? (by === undefined ? null : this.#at + by);
    if (event.key === " ") this.tell("play");
    else if (to === null || event.ctrlKey || event.metaKey || event.altKey) return;
    else this.tell("seek", { at: clamp(to, 0, end) });
    event.preventDefault();
    event.stopPropagation();
  }
}

/**
 * @param {string} name
 * @param {...Node} tools
 */
function gutterOf(name, ...tools) {
  return h("div", { className: "gutter" }, h("span", { className: "name", title: name }, name), ...tools);
}

customElements.define("walk-rows", WalkRows);
