/** <export-panel>: the settings of a film, its estimated cost, and the button that starts the export. */

import { inFull } from "../shell/api.js";
import { LARGEST_SEED } from "../picture/edit.js";
import { button, elementOf, h } from "../elements/dom.js";
import { Component } from "../elements/component.js";
import { check, choice, field, number, onSubmit, options, radio, submit } from "../elements/form.js";
import { isActive } from "../jobs/jobs.js";
import { bytes, duration } from "../elements/format.js";
import { altered, moves } from "../walk/walk.js";
import { showJobs } from "../jobs/job-card.js";

const FORMATS = {
  mp4: "MP4 (H.264)",
  webm: "WebM (VP9)",
  av1: "MP4 (AV1)",
  gif: "GIF",
  apng: "Animated PNG",
  webp: "Animated WebP",
  zip: "PNG images in a ZIP archive",
};
const QUALITIES = { small: "Small", good: "Good", best: "Best" };
const SIZES = [256, 512, 768, 1024];
const FASTEST_GIF = 25;
const MOST_SEEDS = 36;

/** Emits `export`, `alter` {walk, label}, `output` {changes}, `presets`, and the cards' `cancel` {id}. */
export class ExportPanel extends Component {
  #nothing = h("div", { className: "stack" });
  #format = h("select", { id: "export-format" });
  #size = h("select", { id: "export-size" });
  #fps = number("export-fps", 1, 60);
  #title = h("input", { id: "export-name", type: "text", maxLength: 120, autocomplete: "off" });
  #seeds = h("input", { id: "export-seeds", type: "text", inputMode: "numeric", autocomplete: "off" });
  #caption = h("input", { type: "checkbox" });
  #mark = h("input", { type: "checkbox" });
  #estimate = h("p", { className: "estimate", id: "export-estimate", role: "status" });
  #start = submit("Export the film");
  #form = h("form", { className: "stack" });
  #cards = h("div", { className: "stack jobs" });
  /** @type {{walk: Walk, output: Output, generator: ImageGenerator}} */
  #shown;

  /**
   * Show what would be made: {walk, output, generator}.
   * @param {{walk: Walk, output: Output, generator: ImageGenerator}} shown
   */
  show(shown) {
    this.#shown = shown;
    const { walk, output, generator } = shown;
    const ready = moves(walk);
    this.#nothing.hidden = ready;
    this.#form.hidden = !ready;
    const sizes = [null, ...SIZES.filter((size) => size > generator.resolution)];
    if (output.size !== null && !sizes.includes(output.size)) sizes.push(output.size);
    /** @param {number | null} size */
    const name = (size) => (size === null ? `${generator.resolution} px (native)` : `${size} px`);
    this.#size.replaceChildren(...options(sizes.map((size) => [size ?? "", name(size)])));
    this.#size.value = String(output.size ?? "");
    this.#format.value = output.format;
    this.#fps.max = String(output.format === "gif" ? FASTEST_GIF : 60);
    if (document.activeElement !== this.#fps) this.#fps.value = String(output.fps);
    /** @type {NodeListOf<HTMLInputElement>} */
    const qualities = this.#form.querySelectorAll("[name=quality]");
    for (const one of qualities) one.checked = one.value === output.quality;
    if (document.activeElement !== this.#title) this.#title.value = walk.title;
    if (document.activeElement !== this.#seeds) this.#seeds.value = walk.grid?.seeds.join(", ") ?? "";
    this.#caption.checked = walk.caption;
    this.#mark.checked = walk.mark;
  }

  /**
   * {seconds, frames, width, height, bytes, render_seconds}, null while it is calculated, or an error.
   * @param {Estimate | (Error & Problem) | null} found
   */
  set estimate(found) {
    this.#estimate.toggleAttribute("aria-busy", found === null);
    if (found === null) {
      this.#estimate.textContent ||= "Rendering a few frames to estimate the cost…";
      return;
    }
    this.#estimate.classList.toggle("problem", found instanceof Error);
    this.#start.disabled = found instanceof Error && found.code === "invalid";
    this.#estimate.textContent = found instanceof Error ? inFull(found) : cost(found);
  }

  /** @param {readonly Job[]} jobs */
  set jobs(jobs) {
    const shown = jobs.filter(
      ({ kind, state }, index) => kind === "export" && (isActive({ state }) || (state === "failed" && index < 3)),
    );
    showJobs(this.#cards, shown);
  }

  build() {
    const presets = button("Start from a preset", {
      className: "button outlined",
      onclick: () => this.emit("presets"),
    });
    const how = "A film needs a walk. Add two keyframes to the timeline (press K to add the current picture) or start from a preset.";
    this.#nothing.append(h("p", { className: "fine" }, how), h("div", {}, presets));
    this.#format.append(...options(Object.entries(FORMATS)));
    const qualities = Object.entries(QUALITIES).map(([value, name]) => radio("quality", value, name, false));
    this.#seeds.placeholder = "58, 7, 1042";
    this.#title.placeholder = "Walk";
    this.#start.setAttribute("aria-describedby", this.#estimate.id);
    this.#form.append(
      field("Title", this.#title),
      field("Format", this.#format),
      h("div", { className: "pair" }, field("Size", this.#size), field("Frames per second", this.#fps)),
      choice("Quality", ...qualities),
      field("Seeds side by side", this.#seeds),
      h("div", {}, check(this.#caption, "Show slider values as a caption"), check(this.#mark, "Show an “AI-generated” mark")),
      h("div", { className: "go" }, this.#estimate, this.#start),
    );
    this.append(this.#cards, this.#nothing, this.#form);
    /**
     * @param {HTMLElement} input
     * @param {() => Partial<Output>} read
     */
    const chosen = (input, read) => input.addEventListener("change", () => this.emit("output", read()));
    chosen(this.#format, () => this.#formatted());
    chosen(this.#size, () => ({ size: Number(this.#size.value) || null }));
    chosen(this.#fps, () => (this.#fps.checkValidity() ? { fps: this.#fps.valueAsNumber } : {}));
    this.#form.addEventListener("change", (event) => {
      const input = elementOf(event);
      if (input instanceof HTMLInputElement && input.name === "quality") this.emit("output", { quality: input.value });
    });
    /**
     * @param {HTMLElement} input
     * @param {() => Partial<Walk>} changes
     * @param {string} label
     */
    const switched = (input, changes, label) => input.addEventListener("change", () => this.#alter(changes(), label));
    switched(this.#title, () => ({ title: this.#title.value.trim() }), "Title");
    switched(this.#caption, () => ({ caption: this.#caption.checked }), "Caption");
    switched(this.#mark, () => ({ mark: this.#mark.checked }), "AI-generated mark");
    this.#seeds.addEventListener("change", () => this.#sow());
    onSubmit(this.#form, () => this.emit("export"));
    this.keepChanges();
  }

  #formatted() {
    const format = this.#format.value;
    return format === "gif" ? { format, fps: Math.min(this.#shown.output.fps, FASTEST_GIF) } : { format };
  }

  #sow() {
    const seeds = (this.#seeds.value.match(/[^\s,;]+/g) ?? []).map(Number);
    const wrong = seeds.some((seed) => !Number.isInteger(seed) || seed < 0 || seed > LARGEST_SEED);
    if (wrong || seeds.length > MOST_SEEDS) {
      this.remark(`Enter up to ${MOST_SEEDS} whole numbers, separated by commas.`);
      this.#seeds.value = this.#shown.walk.grid?.seeds.join(", ") ?? "";
    } else this.#alter({ grid: seeds.length ? { seeds } : null }, "Seeds side by side");
  }

  /**
   * @param {Partial<Walk>} changes
   * @param {string} label
   */
  #alter(changes, label) {
    this.emit("alter", { walk: altered(this.#shown.walk, changes), label });
  }
}

/** @param {Estimate} estimate */
function cost({ seconds, frames, width, height, bytes: size, render_seconds: takes }) {
  const parts = [`${duration(seconds)}, ${frames} frames of ${width} × ${height}`];
  if (size !== null) parts.push(`about ${bytes(size)}`);
  if (takes !== null) parts.push(`about ${duration(Math.max(1, Math.round(takes)))} to render`);
  return parts.join(" · ");
}

customElements.define("export-panel", ExportPanel);
