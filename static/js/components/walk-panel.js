/** <walk-panel>: the timeline: transport, what can be added, how the walk ends, its lanes, and the keyframe in hand. */

import { h, iconButton, setIcon } from "../dom.js";
import { clock } from "../timescale.js";
import { EASINGS, ENDS, PATHS } from "../recipe.js";
import { altered, moves } from "../walk.js";
import "./walk-inspector.js";
import "./walk-lanes.js";

/**
 * Emits what its lanes and inspector emit, `add` for a keyframe of the picture on show, `track` {slider}, `presets`,
 * `sound` {file}, and `play`.
 */
export class WalkPanel extends HTMLElement {
  #play = iconButton("play", "Play", { className: "button icon-only play", title: "Play (Space)" });
  #clock = h("p", { className: "clock" });
  #wait = h("p", { className: "wait", role: "status", hidden: true });
  #add = iconButton("plus", "Keyframe", { showName: true, title: "Add the picture on show as a keyframe (K)" });
  #presets = iconButton("wand", "Presets", { showName: true, title: "Begin with a ready-made walk" });
  #track = h("select", { "aria-label": "Animate a slider", title: "Give a slider a track of its own" });
  #sound = iconButton("sound", "Sound", { showName: true, title: "Add a sound; keyframes snap to its beats" });
  #file = h("input", { type: "file", accept: "audio/*", hidden: true, "aria-label": "Sound file" });
  #end = h("select", { "aria-label": "How the walk ends", title: "How the walk ends" });
  #path = h("select", { "aria-label": "Path between keyframes", title: "Straight from keyframe to keyframe, or curved through them" });
  #even = h("input", { type: "checkbox" });
  #lanes = document.createElement("walk-lanes");
  #inspector = document.createElement("walk-inspector");
  #shown = null;

  /** Show {walk, chosen, directions, wave}: a walk, what is in hand, the sliders it may use, the sound's wave. */
  show(shown) {
    this.#shown = shown;
    const { walk, directions } = shown;
    const options = directions.map(({ id, name }) => h("option", { value: id }, name));
    if (this.#track.dataset.of !== directions.map(({ id }) => id).join()) {
      this.#track.dataset.of = directions.map(({ id }) => id).join();
      this.#track.replaceChildren(h("option", { value: "" }, "Animate…"), ...options);
    }
    this.#end.value = walk.play;
    this.#path.value = walk.curve;
    this.#even.checked = walk.speed === "even";
    this.#wait.textContent = walk.speed === "even" ? "Measuring the pace…" : "Working it out…";
    this.#play.disabled = !moves(walk);
    this.classList.toggle("even", walk.speed === "even");
    this.#lanes.show(shown);
    this.#inspector.show(shown);
  }

  /** The playhead, in seconds of the walk and of the film; and how long the film is. */
  set at({ walk, film, seconds }) {
    this.#lanes.at = walk;
    this.#clock.replaceChildren(h("b", {}, clock(film)), ` / ${clock(seconds)}`);
  }

  /** While the moments of a changed walk are worked out. */
  set busy(busy) {
    this.#wait.hidden = !busy;
    if (busy) this.#lanes.setAttribute("aria-busy", "true");
    else this.#lanes.removeAttribute("aria-busy");
  }

  /** Whether the picture on show is no longer that of the keyframe in hand. */
  set differs(differs) {
    this.#inspector.differs = differs;
  }

  set playing(playing) {
    setIcon(this.#play, playing ? "pause" : "play");
    this.#play.setAttribute("aria-label", playing ? "Pause" : "Play");
    this.toggleAttribute("playing", playing);
  }

  /** Ask again for the pictures that did not come while the server was away. */
  retry() {
    this.#lanes.retry();
  }

  connectedCallback() {
    if (this.childElementCount) return;
    for (const [select, names] of [[this.#end, ENDS], [this.#path, PATHS]]) {
      select.append(...Object.entries(names).map(([value, name]) => h("option", { value }, name)));
    }
    this.#inspector.easings = EASINGS;
    const title = "Keyframes keep their order; every moment changes the picture by as much as any other";
    const even = h("label", { className: "check", title }, this.#even, "Even pace");
    const tools = h("div", { className: "tools", role: "group", "aria-label": "Walk" });
    tools.append(this.#play, this.#clock, this.#add, this.#presets, this.#track, this.#sound, this.#file);
    tools.append(this.#end, this.#path, even);
    this.append(tools, this.#lanes, this.#wait, this.#inspector);
    this.#play.addEventListener("click", () => this.#emit("play"));
    this.#add.addEventListener("click", () => this.#emit("add"));
    this.#presets.addEventListener("click", () => this.#emit("presets"));
    this.#sound.addEventListener("click", () => this.#file.click());
    this.#file.addEventListener("change", () => {
      if (this.#file.files.length) this.#emit("sound", { file: this.#file.files[0] });
      this.#file.value = "";
    });
    this.#track.addEventListener("change", () => {
      if (this.#track.value) this.#emit("track", { slider: this.#track.value });
      this.#track.value = "";
    });
    this.#end.addEventListener("change", () => this.#alter({ play: this.#end.value }, `Ends: ${ENDS[this.#end.value]}`));
    this.#path.addEventListener("change", () =>
      this.#alter({ curve: this.#path.value }, `Path: ${PATHS[this.#path.value]}`),
    );
    this.#even.addEventListener("change", () => this.#alter({ speed: this.#even.checked ? "even" : "timed" }, "Pace"));
    for (const type of ["input", "change"]) this.addEventListener(type, (event) => event.stopPropagation());
  }

  #alter(changes, label) {
    this.#emit("alter", { walk: altered(this.#shown.walk, changes), label, settled: true, key: "" });
  }

  #emit(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }
}

customElements.define("walk-panel", WalkPanel);
