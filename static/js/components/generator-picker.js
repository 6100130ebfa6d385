/** <generator-picker> and <model-card>: the generators there are, to pick or to get, and what is known of one. */

import { button, definitions, h, icon, Part } from "../dom.js";
import { isActive } from "../jobs.js";

/** Emits `change` with {name} when one is picked, and `pull` with {name} when one is to be fetched. */
class GeneratorPicker extends Part {
  #list = h("div", { className: "generators", role: "radiogroup", "aria-label": "Generator" });
  #shown = "";

  /** Called with every change of the edit, so nothing is drawn anew unless it differs: focus would be lost. */
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
    if (hadFocus) this.#list.querySelector(":checked")?.focus();
  }

  build() {
    this.append(this.#list);
    this.#list.addEventListener("change", (event) => {
      event.stopPropagation();
      this.#shown = ""; // until the next `show`, the mark is where the person put it
      this.emit("change", { name: event.target.value });
    });
  }

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

  #pullable({ name, title, download }, job) {
    const size = download?.bytes ? `${(download.bytes / 1e6).toFixed(0)} MB` : "";
    const row = h("div", { className: "generator absent" }, h("span", { className: "title" }, title));
    if (job) {
      const progress = h("progress", { max: 1, value: job.progress, "aria-label": job.title });
      row.append(h("span", { className: "fine" }, job.message), progress);
      return row;
    }
    const wish = () => this.emit("pull", { name });
    const get = button(icon("download"), { "aria-label": `Get ${title}, ${size}`, onclick: wish }, "Get");
    row.append(h("span", { className: "fine" }, [size, download?.licence].filter(Boolean).join(" · ")), get);
    return row;
  }
}

function pulling(jobs, { name, title }) {
  return jobs.find(
    (job) => job.kind === "pull" && isActive(job) && [name, title].some((word) => job.title.endsWith(word)),
  );
}

customElements.define("generator-picker", GeneratorPicker);

class ModelCard extends Part {
  set generator({ title, card, fingerprint, resolution, family, precision, download }) {
    const rows = [
      ["Shows badly", card.shows_badly],
      ["Source", address(card.source)],
      ["Licence", card.licence],
      ["Trained on", card.data],
      ["Data licence", card.data_licence],
      ["Kind", [family?.toUpperCase(), `${resolution} px`, precision, card.year].filter(Boolean).join(" · ")],
      ["Package", download?.requirement],
      ["Fingerprint", h("code", { title: fingerprint }, fingerprint.replace("sha256:", "").slice(0, 16))],
    ];
    this.replaceChildren(
      h("p", { className: "summary" }, card.summary),
      h("details", {}, h("summary", {}, `About ${title}`), definitions(rows)),
    );
  }
}

// Only addresses that are plainly web addresses become links.
function address(text) {
  if (!/^https:\/\/\S+$/.test(text ?? "")) return text;
  return h("a", { href: text, rel: "noreferrer noopener", target: "_blank" }, text.replace("https://", ""));
}

customElements.define("model-card", ModelCard);
