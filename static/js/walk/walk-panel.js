/** <walk-panel>: the timeline: transport, tools, the rows of keyframes and tracks, and the inspector. */

import { options } from "../elements/form.js";
import { h, iconButton, setIcon } from "../elements/dom.js";
import { Component } from "../elements/component.js";
import { clock } from "./timescale.js";
import { EASINGS, ENDS, PATHS } from "./timeline-json.js";
import { altered, moves } from "./walk.js";
import "./walk-inspector.js";
import "./walk-rows.js";

/**
 * @param {Direction} direction
 * @returns {[string, string]}
 */
const nameOf = ({ id, name }) => [id, name];

/**
 * Emits what its rows and inspector emit, `add` for a keyframe of the current picture, `track` {slider}, `presets`,
 * `sound` {file}, and `play`.
 */
export class WalkPanel extends Component {
  #play = iconButton("play", "Play", { className: "button icon-only play", title: "Play (Space)" });
  #clock = h("p", { className: "clock" });
  #wait = h("p", { className: "wait", role: "status", hidden: true });
  #add = iconButton("plus", "Keyframe", { showName: true, title: "Add the current picture as a keyframe (K)" });
  #presets = iconButton("wand", "Presets", { showName: true, title: "Start from a preset walk" });
  #track = h("select", { "aria-label": "Animate a slider", title: "Add a track for a slider" });
  #sound = iconButton("sound", "Sound", {
    showName: true,
    title: "Add a sound file; keyframes snap to its beats",
    onclick: () => this.#file.click(),
  });
  #file = h("input", { type: "file", accept: "audio/*", hidden: true, "aria-label": "Sound file" });
  #end = h("select", { "aria-label": "How the walk ends", title: "How the walk ends" });
  #path = h("select", { "aria-label": "Path between keyframes", title: "Straight between keyframes, or a smooth curve through them" });
  #even = h("input", { type: "checkbox" });
  #rows = h("walk-rows");
  #inspector = h("walk-inspector");
  /** @type {{walk: Walk}} */
  #shown;

  /**
   * Show {walk, chosen, directions, wave}: a walk, what is selected, the sliders it may use, the waveform of its sound.
   * @param {{walk: Walk, chosen: Place | null, directions: Direction[], wave: Wave | null}} shown
   */
  show(shown) {
    this.#shown = shown;
    const { walk, directions } = shown;
    const ids = directions.map(({ id }) => id).join();
    if (this.#track.dataset.of !== ids) {
      this.#track.dataset.of = ids;
      this.#track.replaceChildren(...options([["", "Animate…"], ...directions.map(nameOf)]));
    }
    this.#end.value = walk.play;
    this.#path.value = walk.curve;
    this.#even.checked = walk.speed === "even";
    this.#wait.textContent = walk.speed === "even" ? "Measuring the speed…" : "Calculating the frames…";
    this.#play.disabled = !moves(walk);
    this.classList.toggle("even", walk.speed === "even");
    this.#rows.show(shown);
    this.#inspector.show(shown);
  }

  /**
   * The playhead, in seconds of the walk and of the film; and how long the film is.
   * @param {{walk: number, film: number, seconds: number}} parts
   */
  set at({ walk, film, seconds }) {
    this.#rows.at = walk;
    this.#clock.replaceChildren(h("b", {}, clock(film)), ` / ${clock(seconds)}`);
  }

  /**
   * While the frames of a changed walk are calculated.
   * @param {boolean} busy
   */
  set busy(busy) {
    this.#wait.hidden = !busy;
    if (busy) this.#rows.setAttribute("aria-busy", "true");
    else this.#rows.removeAttribute("aria-busy");
  }

  /** @param {boolean} differs */
  set differs(differs) {
    this.#inspector.differs = differs;
  }

  /** @param {boolean} playing */
  set playing(playing) {
    setIcon(this.#play, playing ? "pause" : "play");
    this.#play.setAttribute("aria-label", playing ? "Pause" : "Play");
    this.toggleAttribute("playing", playing);
  }

  retry() {
    this.#rows.retry();
  }

  build() {
    this.#end.append(...options(Object.entries(ENDS)));
    this.#path.append(...options(Object.entries(PATHS)));
    this.#inspector.easings = EASINGS;
    const title = "The picture changes at a constant rate; keyframes keep their order";
    const even = h("label", { className: "check", title }, this.#even, "Constant speed");
    const tools = h("div", { className: "tools", role: "group", "aria-label": "Walk" });
    tools.append(this.#play, this.#clock, this.#add, this.#presets, this.#track, this.#sound, this.#file);
    tools.append(this.#end, this.#path, even);
    this.append(tools, this.#rows, this.#wait, this.#inspector);
    const requests = /** @type {const} */ ([[this.#play, "play"], [this.#add, "add"], [this.#presets, "presets"]]);
    for (const [tool, request] of requests) {
      tool.addEventListener("click", () => this.tell(request));
    }
    this.#file.addEventListener("change", () => {
      const [file] = this.#file.files ?? [];
      if (file) this.tell("sound", { file });
      this.#file.value = "";
    });
    this.#track.addEventListener("change", () => {
      if (this.#track.value) this.tell("track", { slider: this.#track.value });
      this.#track.value = "";
    });
    this.#end.addEventListener("change", () => {
      const play = /** @type {Walk["play"]} */ (this.#end.value);
      this.#alter({ play }, `Ends: ${ENDS[play]}`);
    });
    this.#path.addEventListener("change", () =>
      this.#alter({ curve: this.#path.value }, `Path: ${PATHS[this.#path.value]}`),
    );
    this.#even.addEventListener("change", () => this.#alter({ speed: this.#even.checked ? "even" : "timed" }, "Speed"));
    this.keepChanges();
  }

  /**
   * @param {Partial<Walk>} changes
   * @param {string} label
   */
  #alter(changes, label) {
    this.tell("alter", { walk: altered(this.#shown.walk, changes), label, settled: true, key: "" });
  }
}

customElements.define("walk-panel", WalkPanel);
