/** <walk-panel>: the timeline: transport, what can be added, how the walk ends, its lanes, and the keyframe in hand. */

import { options } from "../form.js";
import { h, iconButton, Part, setIcon } from "../dom.js";
import { clock } from "../timescale.js";
import { EASINGS, ENDS, PATHS } from "../recipe.js";
import { altered, moves } from "../walk.js";
import "./walk-inspector.js";
import "./walk-lanes.js";

/**
 * Emits what its lanes and inspector emit, `add` for a keyframe of the picture on show, `track` {slider}, `presets`,
 * `sound` {file}, and `play`.
 */
class WalkPanel extends Part {
  #play = iconButton("play", "Play", { className: "button icon-only play", title: "Play (Space)" });
  #clock = h("p", { className: "clock" });
  #wait = h("p", { className: "wait", role: "status", hidden: true });
  #add = iconButton("plus", "Keyframe", { showName: true, title: "Add the picture on show as a keyframe (K)" });
  #presets = iconButton("wand", "Presets", { showName: true, title: "Begin with a ready-made walk" });
  #track = h("select", { "aria-label": "Animate a slider", title: "Give a slider a track of its own" });
  #sound = iconButton("sound", "Sound", {
    showName: true,
    title: "Add a sound; keyframes snap to its beats",
    onclick: () => this.#file.click(),
  });
  #file = h("input", { type: "file", accept: "audio/*", hidden: true, "aria-label": "Sound file" });
  #end = h("select", { "aria-label": "How the walk ends", title: "How the walk ends" });
  #path = h("select", { "aria-label": "Path between keyframes", title: "Straight from keyframe to keyframe, or curved through them" });
  #even = h("input", { type: "checkbox" });
  #lanes = h("walk-lanes");
  #inspector = h("walk-inspector");
  #shown = null;

  /** Show {walk, chosen, directions, wave}: a walk, what is in hand, the sliders it may use, the sound's wave. */
  show(shown) {
    this.#shown = shown;
    const { walk, directions } = shown;
    const ids = directions.map(({ id }) => id).join();
    if (this.#track.dataset.of !== ids) {
      this.#track.dataset.of = ids;
      this.#track.replaceChildren(...options([["", "Animate…"], ...directions.map(({ id, name }) => [id, name])]));
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

  set differs(differs) {
    this.#inspector.differs = differs;
  }

  set playing(playing) {
    setIcon(this.#play, playing ? "pause" : "play");
    this.#play.setAttribute("aria-label", playing ? "Pause" : "Play");
    this.toggleAttribute("playing", playing);
  }

  retry() {
    this.#lanes.retry();
  }

  build() {
    this.#end.append(...options(Object.entries(ENDS)));
    this.#path.append(...options(Object.entries(PATHS)));
    this.#inspector.easings = EASINGS;
    const title = "Keyframes keep their order; every moment changes the picture by as much as any other";
    const even = h("label", { className: "check", title }, this.#even, "Even pace");
    const tools = h("div", { className: "tools", role: "group", "aria-label": "Walk" });
    tools.append(this.#play, this.#clock, this.#add, this.#presets, this.#track, this.#sound, this.#file);
    tools.append(this.#end, this.#path, even);
    this.append(tools, this.#lanes, this.#wait, this.#inspector);
    for (const [tool, wish] of [[this.#play, "play"], [this.#add, "add"], [this.#presets, "presets"]]) {
      tool.addEventListener("click", () => this.tell(wish));
    }
    this.#file.addEventListener("change", () => {
      if (this.#file.files.length) this.tell("sound", { file: this.#file.files[0] });
      this.#file.value = "";
    });
    this.#track.addEventListener("change", () => {
      if (this.#track.value) this.tell("track", { slider: this.#track.value });
      this.#track.value = "";
    });
    this.#end.addEventListener("change", () => this.#alter({ play: this.#end.value }, `Ends: ${ENDS[this.#end.value]}`));
    this.#path.addEventListener("change", () =>
      this.#alter({ curve: this.#path.value }, `Path: ${PATHS[this.#path.value]}`),
    );
    this.#even.addEventListener("change", () => this.#alter({ speed: this.#even.checked ? "even" : "timed" }, "Pace"));
    this.keepChanges();
  }

  #alter(changes, label) {
    this.tell("alter", { walk: altered(this.#shown.walk, changes), label, settled: true, key: "" });
  }
}

customElements.define("walk-panel", WalkPanel);
