/** <bookmark-panel>: what people kept under a title, to find it again: pictures and walks, newest first. */

import { button, h, iconButton, Part } from "../dom.js";
import { field, onSubmit, submit } from "../form.js";
import { thumbnail } from "../thumbnails.js";

/** Emits `keep` {title}, and `open` and `remove` with the bookmark. */
class BookmarkPanel extends Part {
  #title = h("input", { id: "bookmark-title", type: "text", maxLength: 200, autocomplete: "off" });
  #keep = submit("Keep this picture");
  #told = h("p", { role: "status" });
  #list = h("ul", { className: "bookmarks" });

  /** What would be kept, a "picture" or a "walk", and the words that are its title unless another is written. */
  offer(kind, words) {
    this.#keep.textContent = `Keep this ${kind}`;
    this.#title.placeholder = words.slice(0, 200);
  }

  /** List bookmarks. Only pictures of `generator`, the one on show, are drawn: none is loaded for a list. */
  show(bookmarks, generator) {
    const buttons = () => [...this.#list.querySelectorAll("button")];
    const focused = buttons().indexOf(document.activeElement);
    this.#list.replaceChildren(...bookmarks.map((bookmark) => this.#row(bookmark, generator)));
    this.say(bookmarks.length ? "" : "No bookmarks yet.", "fine");
    if (focused >= 0) (buttons()[focused] ?? this.#title).focus();
  }

  /** Say why there is no list, or none anew. */
  say(sentence, className = "problem") {
    this.#told.className = `answer ${className}`;
    this.#told.textContent = sentence;
  }

  /** Begin anew after something was kept. */
  clear() {
    this.#title.value = "";
  }

  build() {
    const form = h("form", { className: "stack" }, field("Title", this.#title), this.#keep);
    this.append(form, this.#told, this.#list);
    onSubmit(form, () => this.emit("keep", { title: this.#title.value.trim() || this.#title.placeholder }));
    this.keepChanges();
  }

  #row(bookmark, generator) {
    const { title, edit, timeline, created } = bookmark;
    const shown = edit ?? timeline.keyframes.find((keyframe) => keyframe.edit)?.edit;
    const picture = shown?.generator === generator ? thumbnail(shown, 44, { loading: "lazy" }) : h("i");
    const day = new Date(created).toLocaleDateString("en", { dateStyle: "medium" });
    const about = h("span", { className: "fine" }, `${edit ? "Picture" : "Walk"} · ${day}`);
    const ask = (type) => () => this.emit(type, bookmark);
    const open = button(picture, { className: "open", onclick: ask("open") }, h("span", {}, title, about));
    return h("li", {}, open, iconButton("trash", `Delete ${title}`, { title: "Delete", onclick: ask("remove") }));
  }
}

customElements.define("bookmark-panel", BookmarkPanel);
