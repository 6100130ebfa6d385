/** <generator-picker>: the generators that can be chosen or downloaded. */

import { button, h, icon } from "../elements/dom.js";
import { Component } from "../elements/component.js";
import { isActive } from "../jobs/jobs.js";

/** Emits `change` {name} when a generator is chosen, and `pull` {name} when one is to be downloaded. */
export class GeneratorPicker extends Component {
  #list = h("div", { className: "generators", role: "radiogroup", "aria-label": "Generator" });
  #shown = "";

  /**
   * Called with every change of the edit, so nothing is drawn anew unless it differs: focus would be lost.
   * @param {{generators: ImageGenerator[], jobs: readonly Job[], current: string | undefined}} parts
   */
  show({ generators, jobs, current }) {
    const pulls = generators
      .map((generator) => pulling(jobs, generator))
      .map((job) => job && [job.id, job.progress, job.message]);
    const shown = JSON.stringify([current, generators, pulls]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const hadFocus = this.#list.contains(document.activeElement);
    this.#list.replaceChildren(
      ...generators.map((generator) =>
        generator.installed
          ? this.#installed(generator, generator.name === current)
          : this.#pullable(generator, pulling(jobs, generator)),
      ),
    );
    if (hadFocus) /** @type {HTMLElement | null} */ (this.#list.querySelector(":checked"))?.focus();
  }

  build() {
    this.append(this.#list);
    this.#list.addEventListener("change", (event) => {
      event.stopPropagation();
      this.#shown = ""; // until the next `show`, the mark is where the person put it
      this.emit("change", { name: /** @type {HTMLInputElement} */ (event.target).value });
    });
  }

  /**
   * @param {ImageGenerator} generator
   * @param {boolean} checked
   */
  #installed({ name, title, resolution, classes }, checked) {
    const radio = h("input", { type: "radio", name: "generator", value: name, checked });
    const facts = `${resolution} px${classes.length ? ` · ${classes.length} classes` : ""}`;
    return h(
      "label",
      { className: "generator" },
      radio,
      h("span", { className: "title" }, title),
      h("span", { className: "fine" }, facts),
    );
  }

  /**
   * @param {ImageGenerator} generator
   * @param {Job | undefined} job
   */
  #pullable({ name, title, download }, job) {
    const size = download?.bytes ? `${(download.bytes / 1e6).toFixed(0)} MB` : "";
    const row = h("div", { className: "generator absent" }, h("span", { className: "title" }, title));
    if (job) {
      const progress = h("progress", { max: 1, value: job.progress, "aria-label": job.title });
      row.append(h("span", { className: "fine" }, job.message), progress);
      return row;
    }
    const ask = () => this.emit("pull", { name });
    const get = button(icon("download"), { "aria-label": `Download ${title}, ${size}`, onclick: ask }, "Download");
    row.append(h("span", { className: "fine" }, [size, download?.licence].filter(Boolean).join(" · ")), get);
    return row;
  }
}

/**
 * @param {readonly Job[]} jobs
 * @param {ImageGenerator} generator
 */
function pulling(jobs, { name, title }) {
  return jobs.find(
    (job) => job.kind === "pull" && isActive(job) && [name, title].some((word) => job.title.endsWith(word)),
  );
}

customElements.define("generator-picker", GeneratorPicker);
