/** <passport-dialog>: what a stranger's checkpoint holds, shown before anything of it is kept. */

import { h, iconButton } from "../dom.js";
import { field } from "../form.js";

const MOST = 400; // tensors that are listed

/** Emits `keep` {id, name, title, card, golden} and, where it is closed without that, `drop` {id}. */
export class PassportDialog extends HTMLElement {
  #dialog = h("dialog", { className: "modal", "aria-labelledby": "passport-title" });
  #id = null;

  open({ id, name, title, picture, golden, ...found }) {
    this.#id = id;
    const close = iconButton("close", "Throw it away");
    const head = h("h2", { id: "passport-title" }, "A generator to keep?");
    const input = (key, props) => h("input", { id: `passport-${key}`, type: "text", autocomplete: "off", ...props });
    const called = input("name", { value: name, required: true, pattern: "[a-z][a-z0-9_]{0,39}", spellcheck: false });
    const shown = input("shown", { value: title, maxLength: 80 });
    const licence = input("licence", { value: found.licence, placeholder: "not told by the file" });
    const keep = h("button", { type: "submit", className: "button primary" }, "Keep it");
    const away = h("button", { type: "button", className: "button" }, "Throw it away");
    const form = h(
      "form",
      { className: "stack" },
      h("img", { src: picture, alt: "Its picture of seed 0", className: "first-picture" }),
      facts(found, golden),
      h("div", { className: "pair" }, field("Name", called), field("Title", shown)),
      field("Licence", licence),
      h("div", { className: "row" }, keep, away),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      keep.disabled = true; // it is read again, which may take a while
      setTimeout(() => (keep.disabled = false), 2000);
      const card = licence.value.trim() ? { licence: licence.value.trim() } : {};
      this.#emit("keep", { id, name: called.value, title: shown.value, card, golden });
    });
    for (const button of [close, away]) button.addEventListener("click", () => this.#dialog.close());
    this.#dialog.replaceChildren(h("div", { className: "section-head" }, head, close), form);
    this.#dialog.showModal();
  }

  /** Close it because the file was kept. */
  close() {
    this.#id = null;
    this.#dialog.close();
  }

  connectedCallback() {
    if (this.childElementCount) return;
    this.append(this.#dialog);
    this.#dialog.addEventListener("close", () => {
      if (this.#id) this.#emit("drop", { id: this.#id });
      this.#id = null;
    });
    for (const type of ["input", "change"]) this.addEventListener(type, (event) => event.stopPropagation());
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function facts({ format, family, sizes, bytes, sha256, numbers, tensors, names, inert, sources, notes }, golden) {
  const rows = [];
  const add = (term, ...content) => rows.push(h("dt", {}, term), h("dd", {}, ...content));
  const { width, height, channels, classes, z, w, layers } = sizes;
  const code = (text) => h("code", { title: text }, text.slice(0, 16));
  add("What it is", `${family} in ${format}`);
  add("Pictures", `${width} × ${height} px, ${channels} channels, ${classes || "no"} classes`);
  add("Latents", `z of ${z}${w ? `, w of ${w} on ${layers} layers` : ""}`);
  add("File", `${bytes.toLocaleString("en")} bytes, sha256 `, code(sha256));
  add("Golden hash", code(golden));
  add("Names in it", `${names.length}, none imported; made inert: ${inert.join(", ") || "none"}`);
  const hashes = Object.entries(sources).flatMap(([kind, sum]) => [`${kind} `, code(sum), " "]);
  if (hashes.length) add("Source text in it, never run", ...hashes);
  if (notes.length) add("Notes", notes.join(" "));
  const list = tensors.slice(0, MOST).map(({ name, dtype, shape }) => h("li", {}, `${name} ${dtype} [${shape}]`));
  const summary = `${tensors.length} tensors, ${numbers.toLocaleString("en")} numbers`;
  const all = h("details", {}, h("summary", {}, summary), h("ul", { className: "tensors" }, ...list));
  return h("div", { className: "facts" }, h("dl", {}, ...rows), all);
}

customElements.define("passport-dialog", PassportDialog);
