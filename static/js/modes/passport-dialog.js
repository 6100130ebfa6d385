/** <passport-dialog>: what an uploaded checkpoint contains, shown before it is installed. */

import { button, definitions, h } from "../elements/dom.js";
import { Modal } from "../elements/component.js";
import { field, nameInput, onSubmit, submit } from "../elements/form.js";
import { graphFields } from "./graph-fields.js";

const MOST = 400; // tensors listed at most

/** Emits `keep` {id, name, title, card, golden, graph}, `look` {id, name, graph} to see a graph taken otherwise, and, where it is closed without that, `drop` {id}. */
export class PassportDialog extends Modal {
  /** @type {string | null} */
  #id = null;

  /** @param {CheckpointPassport} checkpointPassport */
  open({ id, name, title, picture, golden, ...found }) {
    this.#id = id;
    /**
     * @param {string} key
     * @param {Props} props
     */
    const input = (key, props) => h("input", { id: `passport-${key}`, type: "text", autocomplete: "off", ...props });
    const called = nameInput("passport-name", name);
    const shown = input("shown", { value: title, maxLength: 80 });
    const licence = input("licence", { value: found.licence, placeholder: "not stated in the file" });
    const graph = graphFields(found, (wanted) => this.emit("look", { id, name: called.value, graph: wanted }));
    const keep = submit("Install");
    const away = button("Discard", { onclick: () => this.dialog.close() });
    const form = h(
      "form",
      { className: "stack" },
      h("img", { src: picture, alt: "Picture of seed 0", className: "first-picture" }),
      facts(found, golden),
      ...graph.fields,
      h("div", { className: "pair" }, field("Name", called), field("Title", shown)),
      field("Licence", licence),
      h("div", { className: "row" }, keep, away),
    );
    onSubmit(form, () => {
      keep.disabled = true; // the file is read again, which may take a while
      setTimeout(() => (keep.disabled = false), 2000);
      const card = licence.value.trim() ? { licence: licence.value.trim() } : {};
      this.emit("keep", { id, name: called.value, title: shown.value, card, golden, ...graph.values() });
    });
    this.fill("Install this generator?", form);
    if (!this.dialog.open) this.dialog.showModal();
  }

  /** Close the dialog because the generator was installed. */
  close() {
    this.#id = null;
    this.dialog.close();
  }

  build() {
    this.append(this.dialog);
    this.dialog.addEventListener("close", () => {
      if (this.#id) this.emit("drop", { id: this.#id });
      this.#id = null;
    });
    this.keepChanges();
  }
}

/**
 * @param {Omit<CheckpointPassport, "id" | "name" | "title" | "picture" | "golden">} parts
 * @param {string} golden
 */
function facts({ format, family, sizes, bytes, sha256, numbers, tensors, names, inert, sources, notes }, golden) {
  const { width, height, channels, classes, z, w, layers } = sizes;
  /** @param {string} text */
  const code = (text) => h("code", { title: text }, text.slice(0, 16));
  const hashes = Object.entries(sources).flatMap(([kind, sum]) => [`${kind} `, code(sum), " "]);
  const rows = [
    ["Format", `${family} in ${format}`],
    ["Pictures", `${width} × ${height} px, ${channels} channels, ${classes || "no"} classes`],
    ["Latents", `z: ${z} dimensions${w ? `; w: ${w} dimensions in ${layers} layers` : ""}`],
    ["File", `${bytes.toLocaleString("en")} bytes, sha256 `, code(sha256)],
    ["Reference hash", code(golden)],
    ["Python names", `${names.length}, none imported; replaced by inert data: ${inert.join(", ") || "none"}`],
    ["Embedded source code (never run)", ...hashes],
    ["Notes", notes.join(" ")],
  ];
  const list = tensors.slice(0, MOST).map(({ name, dtype, shape }) => h("li", {}, `${name} ${dtype} [${shape}]`));
  const summary = `${tensors.length} tensors, ${numbers.toLocaleString("en")} values`;
  const all = h("details", {}, h("summary", {}, summary), h("ul", { className: "tensors" }, ...list));
  return h("div", { className: "facts" }, definitions(rows), all);
}

customElements.define("passport-dialog", PassportDialog);
