/** <passport-dialog>: what a stranger's checkpoint holds, shown before anything of it is kept. */

import { button, definitions, h, Modal } from "../dom.js";
import { field, nameInput, onSubmit, submit } from "../form.js";

const MOST = 400; // tensors that are listed

/** Emits `keep` {id, name, title, card, golden} and, where it is closed without that, `drop` {id}. */
class PassportDialog extends Modal {
  #id = null;

  open({ id, name, title, picture, golden, ...found }) {
    this.#id = id;
    const input = (key, props) => h("input", { id: `passport-${key}`, type: "text", autocomplete: "off", ...props });
    const called = nameInput("passport-name", name);
    const shown = input("shown", { value: title, maxLength: 80 });
    const licence = input("licence", { value: found.licence, placeholder: "not told by the file" });
    const keep = submit("Keep it");
    const away = button("Throw it away", { onclick: () => this.dialog.close() });
    const form = h(
      "form",
      { className: "stack" },
      h("img", { src: picture, alt: "Its picture of seed 0", className: "first-picture" }),
      facts(found, golden),
      h("div", { className: "pair" }, field("Name", called), field("Title", shown)),
      field("Licence", licence),
      h("div", { className: "row" }, keep, away),
    );
    onSubmit(form, () => {
      keep.disabled = true; // it is read again, which may take a while
      setTimeout(() => (keep.disabled = false), 2000);
      const card = licence.value.trim() ? { licence: licence.value.trim() } : {};
      this.emit("keep", { id, name: called.value, title: shown.value, card, golden });
    });
    this.fill("A generator to keep?", form);
    this.dialog.showModal();
  }

  /** Close it because the file was kept. */
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

function facts({ format, family, sizes, bytes, sha256, numbers, tensors, names, inert, sources, notes }, golden) {
  const { width, height, channels, classes, z, w, layers } = sizes;
  const code = (text) => h("code", { title: text }, text.slice(0, 16));
  const hashes = Object.entries(sources).flatMap(([kind, sum]) => [`${kind} `, code(sum), " "]);
  const rows = [
    ["What it is", `${family} in ${format}`],
    ["Pictures", `${width} × ${height} px, ${channels} channels, ${classes || "no"} classes`],
    ["Latents", `z of ${z}${w ? `, w of ${w} on ${layers} layers` : ""}`],
    ["File", `${bytes.toLocaleString("en")} bytes, sha256 `, code(sha256)],
    ["Golden hash", code(golden)],
    ["Names in it", `${names.length}, none imported; made inert: ${inert.join(", ") || "none"}`],
    ["Source text in it, never run", ...hashes],
    ["Notes", notes.join(" ")],
  ];
  const list = tensors.slice(0, MOST).map(({ name, dtype, shape }) => h("li", {}, `${name} ${dtype} [${shape}]`));
  const summary = `${tensors.length} tensors, ${numbers.toLocaleString("en")} numbers`;
  const all = h("details", {}, h("summary", {}, summary), h("ul", { className: "tensors" }, ...list));
  return h("div", { className: "facts" }, definitions(rows), all);
}

customElements.define("passport-dialog", PassportDialog);
